"""Texts that anybody may think of, for hypothesis."""

from hypothesis import strategies as st

# Half of the texts are made of what has a meaning somewhere, half of anything.
MEANING = [*"'\"\\$#=%`!*?~^:@-+/. \t\r\n\0", "${A}", "$$", "$(id)", "..", ".git", ".lock", "@{"]
MEANING += ["é", "e\u0301", "😀", "\u202e", "\ud800", "\x1b", "\x85", "{{", "refs/heads/", "a", "B"]
ANYTHING = st.characters(exclude_categories=[])
TEXTS = st.one_of(
    st.lists(st.sampled_from(MEANING), max_size=10).map("".join), st.text(ANYTHING, max_size=20)
)
PIECES = [
    "a",
    "b.yml",
    ".",
    "..",
    "",
    ".git",
    ".GIT",
    "-f",
    "~",
    " ",
    "é",
    "in",
    "out",
    "up",
    "loop",
]
PATHS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map("/".join), TEXTS)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)

"""Nothing that a repository names lies outside of it."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.deploy.model.containment import file_within
from supervisor.errors import DeployRefused

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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout full of links: to itself, upwards, outside, and within."""
    root = tmp_path_factory.mktemp("tree") / "checkout"
    (root / "a" / "in").mkdir(parents=True)
    for folder in (root, root / "a", root / "a" / "in"):
        (folder / "b.yml").write_text("inside")
        (folder / "out").symlink_to("/etc")
        (folder / "up").symlink_to("..")
        (folder / "loop").symlink_to("loop")
        (folder / "é").symlink_to("b.yml")
    (root / "in").symlink_to("a/in")
    (root.parent / "b.yml").write_text("outside")
    return root


@given(PATHS)
@example("up/b.yml")
@example("a/up/b.yml")
@example("in/b.yml")
@example("out/passwd")
@example("loop")
@example("x" * 300)
@example("b.yml/x")
@example("a\0")
def test_a_file_is_refused_or_lies_inside_of_the_checkout(checkout: Path, path: str) -> None:
    try:
        found = file_within(checkout, path)
    except DeployRefused as refused:
        assert "outside" not in str(refused).removeprefix(path).split("(")[0]
    else:
        assert found.resolve().is_relative_to(checkout)
        assert found.read_text() == "inside"

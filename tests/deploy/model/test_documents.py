"""What a YAML file says is read at a cost that grows with its size alone."""

import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from supervisor.deploy.model.documents import Unreadable, read_documents


def seconds(text: str) -> float:
    begun = time.thread_time()
    with suppress(Unreadable):
        read_documents(text.encode())
    return time.thread_time() - begun


def test_a_number_in_base_sixty_is_a_text() -> None:
    """400 KB of it took five seconds."""
    assert read_documents(b"a: 1:0:0") == [{"a": "1:0:0"}]
    assert seconds("a: 1" + ":0" * 200_000) < 1
    assert read_documents(b"a: " + b"9" * 5000) == [{"a": "9" * 5000}]


def test_what_is_merged_again_and_again_is_bounded() -> None:
    """2,000 keys merged into 2,000 mappings took seven seconds and 160 MB."""
    keys = "".join(f"  k{number}: v\n" for number in range(2_000))
    merged = "".join(f"m{number}:\n  <<: *a\n" for number in range(2_000))
    assert seconds(f"a: &a\n{keys}{merged}") < 2
    with pytest.raises(Unreadable, match="excessive"):
        read_documents(f"a: &a\n{keys}{merged}".encode())
    chain = "".join(f"m{n}: &m{n}\n  <<: *m{n - 1}\n  k{n}: v\n" for n in range(1, 5_000))
    assert seconds(f"m0: &m0\n  k: v\n{chain}") < 2
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 40))
    with pytest.raises(Unreadable, match="excessive"):
        read_documents(bomb.encode())
    few = read_documents(f"a: &a\n{keys}b:\n  <<: *a\n  k0: own\n".encode())[0]
    assert (len(few["b"]), few["b"]["k0"]) == (2_000, "own")


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("a: 1\n---\nb: 2", [{"a": "1"}, {"b": "2"}]),
        ("x-a: =\na: !reset null\nb: !override [c]", [{"x-a": "=", "a": None, "b": ["c"]}]),
        ("a: &a {k: 1}\nb: {<<: *a, l: 2}", [{"a": {"k": "1"}, "b": {"k": "1", "l": "2"}}]),
        ("a: &a {k: 1}\nb: {<<: *a, k: 2}", [{"a": {"k": "1"}, "b": {"k": "2"}}]),
        ("a: {<<: [{k: 1}, {k: 2, l: 3}]}", [{"a": {"k": "1", "l": "3"}}]),
        ("'<<': a\nb: ''\nc:", [{"<<": "a", "b": "", "c": None}]),
        ("", []),
    ],
)  # fmt: skip
def test_documents_are_read_as_compose_reads_them(text: str, documents: list[object]) -> None:
    assert read_documents(text.encode()) == documents


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a\n  <<: *a",
        "[" * 100_000,
        "{a: " * 5_000,
        "- " * 3_000 + "a",
        "a: [",
        "\x00",
        "*a",
        "%YAML 9",
    ],
)
def test_what_cannot_be_read_is_told_so(text: str) -> None:
    with pytest.raises(Unreadable):
        read_documents(text.encode())


VALUES = st.recursive(
    st.text("ab :-#&*'\n", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_was_written_is_read(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style='"')
    assert read_documents(text.encode()) == [value]


@given(
    st.binary(max_size=60) | st.text("&*!<>-:?[]{},#|'\"\\%@` \n\tab~", max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(Unreadable):
        read_documents(content)

"""Bytes become clean, bounded, redacted lines, however they are cut into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.commands.process.lines import HEAD_CHARACTERS, TAIL_CHARACTERS, LineSplitter
from supervisor.plain_text import clean

SECRET = "s3cr3t-" + "x" * 200
LONGEST = HEAD_CHARACTERS + TAIL_CHARACTERS + 60


def redact(text: str) -> str:
    return text.replace(SECRET, "********")


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter(redact)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines + splitter.flush()


def in_chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_lines_do_not_depend_on_how_the_bytes_arrive() -> None:
    data = "eins\nzwei ä€😀\n\n\nlast".encode()
    for size in range(1, len(data) + 1):
        assert split(*in_chunks(data, size)) == ["eins", "zwei ä€😀", "", "", "last"]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_give_the_same_lines_in_any_chunks(chunks: list[bytes]) -> None:
    assert split(*chunks) == split(b"".join(chunks))


@given(st.binary(max_size=500))
def test_no_line_has_a_line_end_or_control_character(data: bytes) -> None:
    for line in split(data):
        assert not any((ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 for c in line)


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\r100%", "100%"),
        ("100%\r", "100%"),
        ("100%\r\x1b[K", "100%"),
        ("windows\r\n".rstrip("\n"), "windows"),
        ("a\x00b\x07c\x7f", "abc"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_a_line_is_what_a_terminal_would_show(printed: str, line: str) -> None:
    assert clean(printed) == line


def test_broken_utf_8_is_replaced() -> None:
    assert split(b"a\xff\xc3(\n") == ["a\ufffd\ufffd("]


def test_an_endless_line_shows_its_ends_and_costs_little() -> None:
    splitter = LineSplitter(redact)
    chunk = b"x" * 65536
    assert splitter.feed(b"BEGIN") == []
    for _ in range(800):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"END\n")
    assert line.startswith("BEGINxxx")
    assert line.endswith("xxxEND")
    assert "left out" in line
    assert len(line) <= LONGEST


@pytest.mark.parametrize("before", [0, 4090, 5000, 65530, 131070, 262140, 400000, 700001])
@pytest.mark.parametrize("after", [0, 10, 1000, 5000, 131000, 300000])
def test_no_piece_of_a_secret_shows_where_a_line_is_cut(before: int, after: int) -> None:
    data = b"a" * before + SECRET.encode() + b"b" * after + b"\n"
    for line in split(*in_chunks(data, 65536)):
        assert len(line) <= LONGEST
        assert "s3cr3t" not in line
        assert "xxx" not in line


@pytest.mark.parametrize("shift", range(0, 207, 9))
@pytest.mark.parametrize("times", [300, 400, 1000, 2000, 5000])
def test_a_line_of_nothing_but_secrets_shows_none(shift: int, times: int) -> None:
    data = b"a" * shift + SECRET.encode() * times + b"\n"
    for line in split(*in_chunks(data, 65536)):
        assert "xxx" not in line
        assert "s3cr3t" not in line


def test_a_million_lines_cost_what_their_chunks_cost() -> None:
    """A second in all, where each line is looked at by itself; counted, not measured."""
    redacted: list[str] = []
    splitter = LineSplitter(lambda text: redacted.append(text) or text)  # type: ignore[func-returns-value]
    chunks = in_chunks(b"y\n" * 1_000_000, 65536)
    assert sum(len(splitter.feed(chunk)) for chunk in chunks) == 1_000_000
    assert len(redacted) <= 2 * len(chunks)

"""Bytes that a command prints, turned into clean lines in bounded memory."""

import re
from collections.abc import Callable

LONGEST_BYTES = 64 * 1024
HEAD_CHARACTERS = 4096
TAIL_CHARACTERS = 1024
# A secret that is cut in two could not be recognised: look at more than what is kept.
MARGIN = 4096

UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
LINE_END = re.compile(r"\r+(?=\n|\Z)")
OVERWRITTEN = re.compile(r"[^\n]*\r")


def clean(text: str) -> str:
    """Remove escape sequences, control characters, and what a progress bar wrote over."""
    if not UNCLEAN.search(text):
        return text
    text = ESCAPE.sub("", text)
    text = OVERWRITTEN.sub("", LINE_END.sub("", text))
    return UNCLEAN.sub("", text)


class LineSplitter:
    """Take bytes as they come, give whole lines; an endless one is cut in its middle."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._pending = b""
        self._skipped = 0
        self._end = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that these bytes complete."""
        if b"\n" not in data:
            self._hold(data)
            return []
        first, rest = data.split(b"\n", 1)
        self._hold(first)
        lines = self.flush(even_empty=True)
        whole, newline, last = rest.rpartition(b"\n")
        if newline:
            lines += self._lines(whole)
        self._hold(last)
        return lines

    def flush(self, *, even_empty: bool = False) -> list[str]:
        """Return the line that was never ended, if there is one."""
        if self._skipped:
            lines = [self._cut_line()]
        elif self._pending or even_empty:
            lines = self._lines(self._pending)
        else:
            lines = []
        self._pending, self._end, self._skipped = b"", b"", 0
        return lines

    def _hold(self, data: bytes) -> None:
        room = LONGEST_BYTES - len(self._pending)
        self._pending += data[:room]
        beyond = data[room:]
        if beyond:
            self._skipped += len(beyond)
            self._end = (self._end + beyond)[-(TAIL_CHARACTERS + MARGIN) :]

    def _lines(self, data: bytes) -> list[str]:
        lines = self._tidy(data).split("\n")
        longest = HEAD_CHARACTERS + TAIL_CHARACTERS
        return [line if len(line) <= longest else _shorten(line, line, 0) for line in lines]

    def _cut_line(self) -> str:
        return _shorten(self._tidy(self._pending), self._tidy(self._end), self._skipped)

    def _tidy(self, data: bytes) -> str:
        return self._redact(clean(data.decode("utf-8", "replace")))


def _shorten(start: str, end: str, beyond: int) -> str:
    head, tail = start[:HEAD_CHARACTERS], end[-TAIL_CHARACTERS:]
    left_out = len(start) - len(head) + beyond - (len(tail) if beyond else TAIL_CHARACTERS)
    return f"{head} … [{max(left_out, 0):,} characters left out] … {tail}"

"""Bytes that a command prints, as clean lines of bounded length."""

from collections.abc import Callable

from supervisor.plain_text import clean

HEAD_CHARACTERS = 4096
TAIL_CHARACTERS = 1024
# What is held of each end of a line that has not ended. A secret is masked up to half this long.
WINDOW_BYTES = 128 * 1024


def cut(text: str) -> str:
    """Shorten one line to its head and tail, and say between them how much is missing."""
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    missing = len(text[HEAD_CHARACTERS:-TAIL_CHARACTERS].encode(errors="replace"))
    return _joined(text[:HEAD_CHARACTERS], missing, text[-TAIL_CHARACTERS:])


class LineSplitter:
    """Split what is fed into redacted lines; holds no more than the ends of an open line."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Return the lines that end in this chunk."""
        first, newline, rest = chunk.partition(b"\n")
        self._hold(first)
        if not newline:
            return []
        lines = self._end_line()
        whole, newline, last = rest.rpartition(b"\n")
        if newline:
            lines += self._finished(whole)
        self._hold(last)
        return lines

    def flush(self) -> list[str]:
        """Return the line that nothing ended, if there is one."""
        return self._end_line() if self._head else []

    def _hold(self, part: bytes) -> None:
        room = WINDOW_BYTES - len(self._head)
        if room > 0:
            self._head += part[:room]
            part = part[room:]
        self._tail += part
        # Twice the window, so that the front is cut off seldom.
        if len(self._tail) > 2 * WINDOW_BYTES:
            surplus = len(self._tail) - WINDOW_BYTES
            del self._tail[:surplus]
            self._left_out += surplus

    def _end_line(self) -> list[str]:
        head, tail, left_out = bytes(self._head), bytes(self._tail), self._left_out
        self._head, self._tail, self._left_out = bytearray(), bytearray(), 0
        if not left_out:
            return self._finished(head + tail)
        if b"\r" in tail.rstrip(b"\r"):
            return self._finished(tail.rstrip(b"\r").rpartition(b"\r")[2])
        return [self._ends(head, tail, left_out)]

    def _finished(self, whole: bytes) -> list[str]:
        # All lines at once: a million short ones cost a second otherwise.
        text = self._redact(clean(whole.decode(errors="replace")))
        return [cut(line) for line in text.split("\n")]

    def _ends(self, head: bytes, tail: bytes, left_out: int) -> str:
        """Shorten a line whose middle was never held; a secret may lie across the gap's edges."""
        start = self._redact(clean(head.decode(errors="replace")))
        end = self._redact(clean(tail.decode(errors="replace")))
        start_length = min(HEAD_CHARACTERS, max(0, len(start) - WINDOW_BYTES // 2))
        end_length = min(TAIL_CHARACTERS, max(0, len(end) - WINDOW_BYTES // 2))
        end_at = len(end) - end_length
        missing = len((start[start_length:] + end[:end_at]).encode(errors="replace")) + left_out
        return _joined(start[:start_length], missing, end[end_at:])


def _joined(head: str, missing: int, tail: str) -> str:
    return f"{head} … [{missing} bytes left out] … {tail}"

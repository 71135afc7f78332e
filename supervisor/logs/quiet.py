"""Keeps the log small whatever clients without a key send: few lines, and short ones."""

import logging
import threading
import time

from supervisor.logs.context import is_stranger

QUIET_SECONDS = 10
LONGEST = 200
SERVER = "gunicorn.error"
COUNTING = "supervisor.access"  # has a quiet log of its own, which knows who was accepted


class QuietLog:
    """The log of requests without a key: a line in some seconds, so that no client can fill it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quiet_until = 0.0
        self._left_out = 0

    def admit(self) -> int | None:
        """Return how many were left out before this request, None where it is to be left out."""
        with self._lock:
            if time.monotonic() < self._quiet_until:
                self._left_out += 1
                return None
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            left_out, self._left_out = self._left_out, 0
            return left_out


class QuietFilter(logging.Filter):
    """Let pass few of the complaints that clients without a key cause.

    That is all that the server says of a connection, and our own warnings and errors.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[str, QuietLog] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the event is to be logged; shorten what the server says."""
        own = record.name != SERVER
        kept = own and (record.levelno < logging.WARNING or record.name == COUNTING)
        if kept or not is_stranger.get():
            return True
        left_out = self._logs.setdefault(record.name, QuietLog()).admit()
        if left_out is None:
            return False
        text = record.getMessage()
        more = f", and {left_out} without a key before it" if left_out else ""
        record.msg, record.args = "%s%s", (text if own else cut(text), more)
        return True


def cut(text: str) -> str:
    """Return the beginning of a text that a client may have made long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"

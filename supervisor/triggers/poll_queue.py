"""Whose turn it is to be checked: a git server that hangs holds up its own repositories only."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from supervisor.commands.git.remote import Remote
from supervisor.triggers.polls import Check

CHECKS_OF_A_HOST = 4


class CheckQueue:
    """Checks that wait for a thread or have one; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Remote, Check] = {}
        self._begun: dict[Remote, Check] = {}

    @property
    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def stacks(self) -> set[int]:
        """Return the numbers of the stacks that are in it."""
        with self._lock:
            checks = (*self._waiting.values(), *self._begun.values())
        return {stack.id for check in checks for stack in check.stacks}

    def add(self, checks: Iterable[Check]) -> None:
        """Let checks wait behind those that do; one question at a time for each repository."""
        with self._lock:
            for check in checks:
                if check.remote not in self._begun:
                    self._waiting.setdefault(check.remote, check)

    @contextmanager
    def turn(self) -> Iterator[Check | None]:
        """Give the next check whose host isn't asked too much already, None where there is none."""
        check = self._take()
        try:
            yield check
        finally:
            if check:
                with self._lock:
                    del self._begun[check.remote]

    def _take(self) -> Check | None:
        with self._lock:
            asked = Counter(_host(remote) for remote in self._begun)
            for remote in self._waiting:
                if asked[_host(remote)] < CHECKS_OF_A_HOST:
                    self._begun[remote] = self._waiting.pop(remote)
                    return self._begun[remote]
        return None


def _host(remote: Remote) -> str:
    return urlsplit(remote.url).netloc

"""Reads what a running command prints, until it ends or is to be ended."""

import fcntl
import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 256 * 1024
LOOK_SECONDS = 0.1  # how often the deadline and the cancellation are looked at
QUIET_SECONDS = 0.2  # what remains of the group after this is killed
LINGER_SECONDS = 1.0  # how long a process that left the group may keep the pipe open
FLOOD_SECONDS = 5.0  # and how long it may go on printing

Sink = Callable[[bytes], None]


@dataclass(frozen=True)
class Pipe:
    """A pipe; the command gets its writing end."""

    reader: int
    writer: BinaryIO


@contextmanager
def open_pipe() -> Iterator[Pipe]:
    """Give a pipe that no other command inherits, a large one where the kernel allows it."""
    reader, descriptor = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)
    os.set_blocking(reader, False)
    try:
        with os.fdopen(descriptor, "wb", 0) as writer:
            yield Pipe(reader, writer)
    finally:
        os.close(reader)


class Pump:
    """Move a process's output from its pipes into sinks, and notice its end at once."""

    def __init__(self, pid: int, sinks: Mapping[int, Sink]) -> None:
        self._sinks = dict(sinks)
        self._poll = select.poll()
        for descriptor in sinks:
            self._poll.register(descriptor, select.POLLIN)
        self._process: int | None = None
        self._ended_at: float | None = None
        try:
            self._process = os.pidfd_open(pid)
            self._poll.register(self._process, select.POLLIN)
        except ProcessLookupError:  # it has ended already
            self._ended_at = time.monotonic()

    def close(self) -> None:
        """Give back the descriptor that stands for the process."""
        if self._process is not None:
            os.close(self._process)
            self._process = None

    @property
    def ended(self) -> bool:
        """Tell whether the process itself has ended."""
        return self._ended_at is not None

    @property
    def done(self) -> bool:
        """Tell whether the process has ended and nobody can print any more."""
        return self.ended and not self._sinks

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Pump until all is done, the process's heirs have had their time, or it should stop."""
        while not self.done and not should_stop():
            moved = self.step()
            if self._ended_at is None:
                continue
            age = time.monotonic() - self._ended_at
            if age > FLOOD_SECONDS or (not moved and age > QUIET_SECONDS):
                return

    def run_for(self, seconds: float) -> None:
        """Pump until all is done or the time is over."""
        until = time.monotonic() + seconds
        while not self.done and time.monotonic() < until:
            self.step()

    def wait(self, seconds: float) -> bool:
        """Wait for the process itself; tell whether it has ended."""
        until = time.monotonic() + seconds
        while not self.ended and time.monotonic() < until:
            self.step()
        return self.ended

    def step(self) -> bool:
        """Wait a moment for output or the end; tell whether there was output."""
        moved = False
        for descriptor, _ in self._poll.poll(LOOK_SECONDS * 1000):
            if descriptor == self._process:
                self._poll.unregister(descriptor)
                self._ended_at = time.monotonic()
            else:
                moved |= self._read(descriptor)
        return moved

    def _read(self, descriptor: int) -> bool:
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if chunk:
            self._sinks[descriptor](chunk)
            return True
        self._poll.unregister(descriptor)
        del self._sinks[descriptor]
        return False

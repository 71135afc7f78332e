"""Reads what a running command prints, until it ends or is to be ended."""

import os
import select
import time
from collections.abc import Callable, Mapping

from supervisor.commands.process.pipes import CHUNK_BYTES

LOOK_SECONDS = 0.1  # how often the deadline and the cancellation are looked at
QUIET_SECONDS = 0.2  # what remains of the group after this is killed
LINGER_SECONDS = 1.0  # how long a process that left the group may keep the pipe open
FLOOD_SECONDS = 5.0  # and how long it may go on printing

Sink = Callable[[bytes], None]


class Pump:
    """Move a process's output from its pipes into sinks, and notice its end at once."""

    def __init__(self, end: int, sinks: Mapping[int, Sink]) -> None:
        """Read from these descriptors, until `end` can be read: the process has ended."""
        self._end, self._sinks = end, dict(sinks)
        self._ended_at: float | None = None
        self._poll = select.poll()
        for descriptor in (end, *sinks):
            self._poll.register(descriptor, select.POLLIN)

    @property
    def ended(self) -> bool:
        """Tell whether the process itself has ended."""
        return self._ended_at is not None

    @property
    def done(self) -> bool:
        """Tell whether the process has ended and no other can print any more."""
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
            if descriptor == self._end:
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

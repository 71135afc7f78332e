"""What every process of the machine shows to others."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil


class Watch:
    """Collect the argument lists of all processes, again and again, for a with block."""

    def __init__(self, every: float = 0.01) -> None:
        """Look so often."""
        self.seen: set[bytes] = set()
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def saw(self, words: bytes) -> bool:
        """Tell whether a process with these words in its arguments was seen."""
        return any(words in line for line in tuple(self.seen))

    def _look(self) -> None:
        own_namespace = Path("/proc/self/ns/pid").readlink()
        while not self._done.wait(self._every):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                # What runs inside a stack's container is that stack's own business.
                with suppress(OSError):
                    if (path.parent / "ns/pid").readlink() != own_namespace:
                        continue
                    self.seen.add(path.read_bytes())


def memory(processes: list[psutil.Process]) -> int:
    """Return the resident memory of processes in bytes; those that have ended count nothing."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total

"""Files that live in memory, for children of this process only: never on the disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """Give the path of a file with this content, that its owner alone may read."""
    descriptor = os.memfd_create("supervisor", os.MFD_CLOEXEC)
    try:
        # Or ssh refuses to take a key from it: https://man.openbsd.org/ssh#FILES
        os.fchmod(descriptor, 0o600)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield path_of(descriptor)
    finally:
        os.close(descriptor)


def path_of(descriptor: int) -> str:
    """Return a path by which children of this process can open what it has open."""
    return f"/proc/{os.getpid()}/fd/{descriptor}"

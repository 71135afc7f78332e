"""The folder of storage: one process at a time, readable by its user only."""

import fcntl
import logging
import os
import time
from pathlib import Path

from supervisor.errors import StorageInUse

log = logging.getLogger("supervisor.storage")

_locks: list[int] = []

OTHERS = 0o077
WAIT_SECONDS = 5  # a worker outlives a killed master by a moment


def take(storage: Path) -> None:
    """Hold the storage until this process ends; raise StorageInUse that names who has it."""
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(storage / "lock", flags, 0o600)
    if not _lock(descriptor):
        holder = os.read(descriptor, 32).decode().strip() or "?"
        os.close(descriptor)
        raise StorageInUse(f"{storage} is in use by process {holder}")
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    _locks.append(descriptor)


def is_open(storage: Path) -> bool:
    """Tell whether other users can get at the storage: it was there before, with such a mode."""
    return bool(storage.stat().st_mode & OTHERS)


def warn_if_open(storage: Path) -> None:
    """Log a warning if other users can get at the storage."""
    if is_open(storage):
        log.warning("%s is open to other users: chmod 700 %s", storage, storage)


def _lock(descriptor: int) -> bool:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        else:
            return True

"""A service whose disk is small enough to be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engine import Engine
from tests.support.service import Service

SIZE = "24m"


@contextmanager
def service_on_small_disk(folder: Path, engine: Engine) -> Iterator[Service]:
    """Give a started service whose storage is a file system of its own."""
    service = Service(folder, engine)
    service.storage.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", service.storage]
    subprocess.run(mount, check=True)
    try:
        yield service.start()
    finally:
        service.close()
        subprocess.run(["umount", service.storage], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """Write a file that leaves only so many bytes free; return it."""
    path = folder / "filling"
    facts = os.statvfs(folder)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(facts.f_bavail * facts.f_frsize - leave, 1))
    return path

"""What has to survive a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make sure that files which were made or renamed in the folder are there afterwards."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(path: Path, target: Path) -> None:
    """Put a file in another's place, for good."""
    path.rename(target)
    sync_folder(target.parent)

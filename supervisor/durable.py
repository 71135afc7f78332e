"""What has to survive a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

OWNER_ONLY = 0o600


def write(path: Path, content: bytes) -> None:
    """Write a private file; a kill at any moment leaves the former one or this one, whole."""
    with replacing(path) as draft:
        draft.write_bytes(content)


@contextmanager
def replacing(
    path: Path, *, draft: Path | None = None, for_owner_of_folder: bool = True
) -> Iterator[Path]:
    """Give an empty private file, to be filled; at the end it takes the path's place, for good.

    It lies beside the path, and is removed where an error comes. A kill leaves it behind, so a
    large one has a fixed name; that asks for a lock, since what is there by this name is removed.
    """
    if draft:
        draft.unlink(missing_ok=True)
    draft = draft or path.with_name(f"{path.name}.{uuid4().hex}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(draft, flags, OWNER_ONLY)
    try:
        if for_owner_of_folder:
            _give_to_owner(descriptor, path.parent)
        yield draft
        os.fsync(descriptor)
        rename(draft, path)
    finally:
        os.close(descriptor)
        draft.unlink(missing_ok=True)


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """Have the owner of the folder own a file too: root may write for another user's service."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def rename(path: Path, target: Path) -> None:
    """Put a file in another's place, for good."""
    path.rename(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make sure that files which were made or renamed in the folder are there afterwards."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

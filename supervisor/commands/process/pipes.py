"""Pipes between Supervisor and what it starts."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

CHUNK_BYTES = 256 * 1024


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

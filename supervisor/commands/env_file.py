"""Variables on their way to Compose: exact, and never on the disk."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# Measured with Compose 2.40: exact for every text without NUL.
ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r"}


def quote(value: str) -> str:
    """Return a value as an env file writes it."""
    if not any(character in value for character in "'\\\r\n"):
        return f"'{value}'"
    return '"' + "".join(ESCAPES.get(character, character) for character in value) + '"'


def render(variables: Mapping[str, str]) -> bytes:
    """Return an env file."""
    return "".join(f"{name}={quote(value)}\n" for name, value in variables.items()).encode()


@contextmanager
def env_file(variables: Mapping[str, str]) -> Iterator[str]:
    """Give the path of an env file that lives in memory, for children of this process only."""
    descriptor = os.memfd_create("variables", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(render(variables))
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)

"""Variables on their way to Compose: exact, and never on the disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from supervisor.commands.process.memory_file import memory_file

# Measured with Compose 2.40: exact for every text without NUL. Its rules for such a file:
# https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
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
    with memory_file(render(variables)) as path:
        yield path

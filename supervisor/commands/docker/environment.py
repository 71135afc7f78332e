"""What a docker command is given, and how what it says is understood."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from supervisor.commands.docker.errors import explain
from supervisor.errors import CommandFailed

# Compose interpolates the environment that it is given, so it is given this and nothing else.
PASSED_ON = (
    "PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY", "BUILDX_CONFIG",
)  # fmt: skip
FIXED = {
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",  # no includes that are fetched from elsewhere
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
    "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker",  # or a plugin takes itself for a program
    "BUILDKIT_PROGRESS": "plain",
    "TTY_DISPLAY_RATE": "50",  # BuildKit holds lines back for so many milliseconds, else for 150
}


def environment() -> dict[str, str]:
    """Return the whole environment of a docker command."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | FIXED


@contextmanager
def explained() -> Iterator[None]:
    try:
        yield
    except CommandFailed as error:
        raise explain(error) from None

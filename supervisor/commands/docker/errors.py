"""What Docker and Compose say, in our words, with what to do about it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from supervisor.commands.patterns import between
from supervisor.errors import (
    CommandFailed,
    CommandMissing,
    DiskFull,
    EngineDenied,
    EngineUnreachable,
    ImageNotFound,
    NetworksExhausted,
    PortTaken,
    RegistryDenied,
    SupervisorError,
)

HELPER = between("docker-credential-", "", r"\S")
PATH_THERE = between("/v2/", '"', '[^"]')
PATH_ASKED = between('Get "https?://', "/v2/")
# First match wins.
TABLE: tuple[tuple[str, type[SupervisorError], str], ...] = (
    (
        r"permission denied while trying to connect"
        rf"|{between('dial unix ', ': permission denied')}",
        EngineDenied,
        "Supervisor's user may not use the Docker engine: add it to the socket's group",
    ),
    (
        # Not any refused connection: the engine reports those to registries.
        r"Cannot connect to the Docker daemon|failed to connect to the docker API"
        r"|error during connect|docker\.sock: connect: no such file",
        EngineUnreachable,
        "The Docker engine does not answer: is it running?",
    ),
    (
        r"'compose' is not a docker command|unknown shorthand flag: 'p' in -p",
        CommandMissing,
        "The Compose plugin (docker compose) is not installed",
    ),
    (r"no space left on device|disk quota exceeded", DiskFull, "The disk is full: free space"),
    (
        r"port is already allocated|address already in use",
        PortTaken,
        "A port that a service publishes is taken by another program or stack",
    ),
    (
        r"non-overlapping IPv4 address pool|predefined address pools",
        NetworksExhausted,
        "The engine has no addresses left for another network: remove networks that nobody uses, or"
        " give it more, see docs/troubleshooting.md",
    ),
    (
        r"error getting credentials"
        rf"|{HELPER} (executable )?(file )?not found",
        RegistryDenied,
        "Docker's config.json names a helper that isn't installed here for a login: write the login"
        " itself, see docs/private-repositories.md",
    ),
    (
        # Not "pull access denied": a registry says that of images that don't exist as well. And
        # not every 401 or 403: what a build fetches may be refused too.
        rf"no basic auth credentials|({PATH_THERE}|from daemon): (unauthorized|denied)"
        r"|unauthorized: authentication|failed to authorize: |incorrect username or password"
        r"|access to the resource is denied",
        RegistryDenied,
        "The registry gives an image only with a login that may have it: put one into Docker's"
        " config.json, see docs/private-repositories.md",
    ),
    (
        rf"pull access denied|manifest unknown|{between('manifest for ', ' not found')}"
        r"|repository does not exist|failed to resolve reference|authorization failed"
        rf"|No such image|{PATH_ASKED}|dial tcp: lookup",
        ImageNotFound,
        "An image is not here and cannot be pulled: check its name and tag, and the login",
    ),
)


def explain(error: CommandFailed) -> SupervisorError:
    """Return the error in the domain's words, the tool's first line about it behind them."""
    for pattern, kind, words in TABLE:
        if re.search(pattern, error.output, re.IGNORECASE):
            return kind(f"{words} ({_reason(error.output, pattern)})")
    return error


@contextmanager
def explained() -> Iterator[None]:
    """Raise what a command fails with inside in the domain's words."""
    try:
        yield
    except CommandFailed as error:
        raise explain(error) from None


def _reason(output: str, pattern: str) -> str:
    lines = [line for line in output.splitlines() if re.search(pattern, line, re.IGNORECASE)]
    return lines[0].strip()[:500] if lines else output[-500:]

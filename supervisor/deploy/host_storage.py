"""Where the engine sees the storage, when the service itself runs in a container.

The engine looks for a bind mount's source on the host. So a stack's files must have the same
path on both sides: a link from the host's path to the storage makes it so.
"""

import logging
import re
import sys
import threading
from contextlib import suppress
from pathlib import Path

from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.own_container import OwnContainer, inspect_own_container
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed, HostPathUnknown, SupervisorError

log = logging.getLogger("supervisor.host_storage")

MOUNTS = Path("/proc/self/mountinfo")
OWN_ID = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) ")


class HostStorage:
    """Find the path once, when it is first needed: the engine may not be up at the start."""

    def __init__(self, storage: Path, engine: Engine) -> None:
        self._storage = storage
        self._engine = engine
        self._found: Path | None = None
        self._own: OwnContainer | None = None
        self._asked = False
        self._lock = threading.Lock()  # the first runs of several stacks begin at once

    def path(self) -> Path:
        """Return a path of the storage that means the same to the engine; raise HostPathUnknown."""
        own = self.own()
        with self._lock:
            if self._found is None:
                self._found = self._shared_path(own) if own else self._storage
            return self._found

    def own(self) -> OwnContainer | None:
        """Return the container that this process runs in, None where it's none of the engine's.

        An engine that knows nothing of ours is in the same container.
        """
        with self._lock:
            if not self._asked:
                self._own = self._ask()
                self._asked = True
            return self._own

    def _ask(self) -> OwnContainer | None:
        number = own_container_id()
        try:
            return inspect_own_container(self._engine, number) if number else None
        except CommandFailed as error:
            if "no such container" not in error.output.lower():
                raise
            return None

    def _shared_path(self, own: OwnContainer) -> Path:
        mount = own.mount_of(self._storage)
        if mount is None:
            raise HostPathUnknown(
                f"{self._storage} is inside Supervisor's own container, where the engine can't see"
                " it: mount a folder or a volume there"
            )
        host = mount.source / self._storage.relative_to(mount.target)
        if host != self._storage:
            _link(host, self._storage)
        return host


def own_container_id() -> str | None:
    """Return the id of the container that this process runs in, None outside of any."""
    match = OWN_ID.search(MOUNTS.read_text()) if MOUNTS.exists() else None
    return match.group(1) if match else None


def lost_with_container(storage: Path) -> bool:
    """Tell whether the storage goes with the container."""
    places = (storage, *storage.parents)
    mounted = next(place for place in places if place.is_mount())
    return own_container_id() is not None and mounted == Path("/")


def warn_if_lost(storage: Path) -> None:
    """Log a warning if the storage goes with the container."""
    if lost_with_container(storage):
        log.warning(
            "Nothing is mounted at %s: all stacks, their secrets and their history are lost with"
            " this container. Start it with --volume /var/lib/container/supervisor:%s",
            storage,
            storage,
        )


def _link(host: Path, storage: Path) -> None:
    """Make the host's path lead to the storage; raise HostPathUnknown where that can't be done."""
    try:
        host.parent.mkdir(parents=True, exist_ok=True)
        if not host.is_symlink():
            host.symlink_to(storage)
        if host.resolve() != storage.resolve():
            raise FileExistsError(host)
    except OSError as error:
        raise HostPathUnknown(
            f"The engine sees the storage at {host}, and that path can't be made in Supervisor's"
            f" container ({error.strerror or 'it is taken'}): mount the storage at {host} there too"
        ) from None
    log.info("The engine sees the storage at %s", host)


if __name__ == "__main__":
    # The container's first step calls this, as it may still make links.
    with suppress(SupervisorError):
        HostStorage(Path(sys.argv[1]), Engine(Shell())).path()

"""A way to the engine that can be taken away from one service, while the engine goes on."""

import os
from pathlib import Path


class EngineLink:
    """A link to the engine's socket, for DOCKER_HOST."""

    def __init__(self, folder: Path) -> None:
        """Make the link in a folder."""
        address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        self._socket = Path(address.removeprefix("unix://"))
        self._link = folder / "engine.sock"
        self.restore()

    @property
    def address(self) -> str:
        """Return what DOCKER_HOST has to be."""
        return f"unix://{self._link}"

    def cut(self) -> None:
        """Make the engine unreachable by this way."""
        self._link.unlink()

    def restore(self) -> None:
        """Make the engine reachable again."""
        self._link.symlink_to(self._socket)

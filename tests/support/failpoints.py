"""Stumbling blocks inside the service that a test lays out while it runs."""

from pathlib import Path


class Failpoints:
    """Points in a folder: the service acts once on each that is laid out."""

    def __init__(self, folder: Path) -> None:
        """Choose the folder of the switches."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def setting(self, *points: str) -> str:
        """Return SUPERVISOR_FAILPOINTS for points such as `up:kill9`."""
        return ",".join(f"{point}@{self._switch(point)}" for point in points)

    def lay(self, point: str) -> None:
        """Let the service stumble the next time it gets there."""
        self._switch(point).touch()

    def was_met(self, point: str) -> bool:
        """Tell whether the service has stumbled."""
        return not self._switch(point).exists()

    def _switch(self, point: str) -> Path:
        return self._folder / point.replace(":", "-").replace(" ", "-")

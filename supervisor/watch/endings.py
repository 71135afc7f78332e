"""Which containers ended well by themselves."""

from supervisor.commands.docker.containers import Container


class Endings:
    """Which containers ended well by themselves: jobs do. One that is stopped is told so before."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._well: set[str] = set()

    def forget(self) -> None:
        """Know nothing any more, since events may have been missed."""
        self._told, self._well = set(), set()

    def hear(self, container: str, event: str, exit_code: str) -> None:
        """Learn from an event."""
        if event in ("kill", "stop"):
            self._told.add(container)
        elif event == "die" and exit_code == "0" and container not in self._told:
            self._well.add(container)
        elif event in ("start", "destroy"):
            self._told.discard(container)
            self._well.discard(container)

    def is_well(self, container: Container) -> bool:
        """Tell whether it ended well by itself, and has not been started again."""
        return container.id in self._well and container.status == "exited"

"""When to look again at a stack that had not settled."""

import time

IDLE_SECONDS = 5
LONGEST_PATIENCE_SECONDS = 30


class Recheck:
    """When to look again at what had not settled; used by one thread.

    Most changes come as events. What doesn't settle for long is looked at less and less often.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._patience: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Return how long to wait at most."""
        soonest = min(self._due.values(), default=time.monotonic() + IDLE_SECONDS)
        return min(max(soonest - time.monotonic(), 0), IDLE_SECONDS)

    def due(self) -> set[str]:
        """Take what is due now."""
        projects = {project for project, at in self._due.items() if at <= time.monotonic()}
        for project in projects:
            del self._due[project]
        return projects

    def soon(self, project: str) -> None:
        """Look again in a second: a run is at work on it, and its end is no event."""
        self._due[project] = time.monotonic() + 1

    def with_patience(self, project: str) -> None:
        """Look again, after twice the time of the last wait."""
        patience = min(self._patience.get(project, 0.5) * 2, LONGEST_PATIENCE_SECONDS)
        self._patience[project] = patience
        self._due[project] = time.monotonic() + patience

    def forget(self, project: str) -> None:
        """Be done with it until something happens."""
        self._due.pop(project, None)
        self._patience.pop(project, None)

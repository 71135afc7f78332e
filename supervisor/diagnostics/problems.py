"""What is wrong with Supervisor itself."""

from collections.abc import Callable

from supervisor.diagnostics import alarms
from supervisor.diagnostics.engine import EngineProbe
from supervisor.diagnostics.pulse import Pulse
from supervisor.errors import StorageError
from supervisor.settings.config import Config
from supervisor.settings.parts import find, part_of
from supervisor.store import database, schema

reporter = alarms.Reporter()


class SchedulerSilent(Exception):
    """The loop that triggers polls has not ticked."""


def find_problems() -> list[dict[str, str]]:
    """Look at each part; return what is wrong, and log what has changed."""
    problems = [problem for name, check in CHECKS.items() if (problem := _problem(name, check))]
    reporter.report({problem["name"]: problem["message"] for problem in problems})
    return problems


def _problem(name: str, check: Callable[[], None]) -> dict[str, str] | None:
    try:
        check()
    except Exception as caught:  # noqa: BLE001 (whatever is wrong is the answer)
        # Of the database it is told which of its own errors this was.
        error = caught.__cause__ if isinstance(caught, StorageError) else caught
        kind = type(error).__name__
        # What other programs say may hold paths, and nobody has given a key here. Our own errors
        # quote them in parentheses at the end.
        own = type(error).__module__.startswith("supervisor.")
        message = str(error).split(" (")[0] if own else kind
        return {"name": name, "exception": kind, "message": message}
    return None


def _engine() -> None:
    probe = find(EngineProbe)
    if probe and probe.error:
        raise probe.error


def _scheduler() -> None:
    pulse = find(Pulse)
    if pulse and pulse.stale_seconds:
        raise SchedulerSilent(f"has not ticked for {pulse.stale_seconds:.0f} s")


def _queue() -> None:
    alarms.check_queue(part_of(Config).concurrency)


CHECKS: dict[str, Callable[[], None]] = {
    "database": database.ping,
    "migrations": schema.check,
    "environment": lambda: None,
    "engine": _engine,
    "scheduler": _scheduler,
    "checks": alarms.check_polls,
    "queue": _queue,
}

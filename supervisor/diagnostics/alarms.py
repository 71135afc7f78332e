"""What must never go unnoticed: checks that are not made, runs that are not begun."""

import logging
import threading
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select

from supervisor.errors import SupervisorError
from supervisor.store.database import reading
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Status

log = logging.getLogger("supervisor.alarms")

LATE_SECONDS = 60
RUNNING = select(Run.stack_id).where(Run.status == Status.RUNNING)


class ChecksOverdue(SupervisorError):
    """Stacks were not checked for more than two of their intervals."""


class QueueStuck(SupervisorError):
    """Runs wait though there is room for them."""


def check_polls() -> None:
    """Raise ChecksOverdue where a check is late by more than two intervals."""
    late = func.unixepoch(now().isoformat()) - func.unixepoch(Stack.check_at)
    query = select(func.count(Stack.id)).where(
        Stack.check_at < now() - timedelta(seconds=LATE_SECONDS),
        late > 2 * Stack.polling_interval,
        Stack.id.not_in(RUNNING),
    )
    with reading() as session:
        count = session.scalar(query)
    if count:
        raise ChecksOverdue("Checks of stacks are late by more than two of their intervals")


def check_queue(concurrency: int) -> None:
    """Raise QueueStuck where a run could have begun a minute ago."""
    waiting = select(func.count(Run.id)).where(
        Run.status == Status.PENDING,
        Run.created_at < now() - timedelta(seconds=LATE_SECONDS),
        Run.stack_id.not_in(RUNNING),
    )
    running = select(func.count(Run.id)).where(Run.status == Status.RUNNING)
    with reading() as session:
        count = session.scalar(waiting)
        if count and (session.scalar(running) or 0) < concurrency:
            raise QueueStuck(f"Runs wait for more than {LATE_SECONDS} s though there is room")


class Reporter:
    """Log a change of what is wrong, once: nobody reads the same line a thousand times."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def report(self, problems: Mapping[str, str]) -> None:
        """Take what is wrong at present, by name."""
        names = frozenset(problems)
        with self._lock:
            begun, over = sorted(names - self._known), sorted(self._known - names)
            self._known = names
        for name in begun:
            log.error("Alarm: %s: %s", name, problems[name])
        for name in over:
            log.warning("Alarm over: %s", name)

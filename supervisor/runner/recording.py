"""Writes down how runs ended: one without an end would hold its stack for ever."""

import logging
import threading
from collections.abc import Callable

from supervisor.errors import Broken, StorageBroken
from supervisor.runs import ending, recovery
from supervisor.runs.ending import Outcome
from supervisor.settings.config import Config
from supervisor.stacks import control, mirrors
from supervisor.stacks.snapshot import workspace_of
from supervisor.store.models import Run, Stack
from supervisor.store.words import Action, Status

log = logging.getLogger("supervisor.runner")

AGAIN_SECONDS = 5.0


class Recorder:
    """Record ends, however long the disk has no room for them; any thread may ask."""

    def __init__(self, config: Config, stopping: threading.Event) -> None:
        self._config = config
        self._stopping = stopping

    def record(self, run: Run, stack: Stack, outcome: Outcome | None, cut_by: str) -> None:
        """Write down how a run ended; without an outcome it was cut off, and is done again."""
        _tell_end(run, stack, outcome or Outcome(Status.INTERRUPTED, cut_by))
        try:
            self._insist(run, lambda: self._record_once(run, stack, outcome, cut_by))
        except Exception:
            log.exception("run %s: what it led to cannot be stored", run.uuid)
            failed = Outcome(Status.FAILED, str(Broken()), retry=run.action == Action.DELETE)
            self._insist(run, lambda: ending.finish(run, failed, self._config.runs_kept))

    def interrupt(self, run: Run, reason: str) -> None:
        """Write down that a run was cut off, and have it done again."""
        self._insist(run, lambda: recovery.interrupt(run, reason, self._config.runs_kept))

    def _insist(self, run: Run, record: Callable[[], None]) -> None:
        """Try again until the disk has room for the end of the run, however long it takes."""
        while True:
            try:
                record()
            except StorageBroken as error:
                log.error("run %s: its end cannot be stored yet: %s", run.uuid, error)
                if self._stopping.wait(AGAIN_SECONDS):
                    return
            else:
                return

    def _record_once(self, run: Run, stack: Stack, outcome: Outcome | None, cut_by: str) -> None:
        if outcome is None:
            recovery.interrupt(run, cut_by, self._config.runs_kept)
        elif run.action == Action.DELETE and outcome.status == Status.SUCCEEDED:
            control.remove(stack)
            mirrors.drop_unwanted(self._config, workspace_of(stack, self._config).mirror)
        else:
            ending.finish(run, outcome, self._config.runs_kept)


def _tell_end(run: Run, stack: Stack, outcome: Outcome) -> None:
    level = logging.WARNING if outcome.status == Status.FAILED else logging.INFO
    reason = outcome.message.partition("\n")[0]
    log.log(level, "%s of %s: %s: %s", run.action, stack.name, outcome.status, reason)

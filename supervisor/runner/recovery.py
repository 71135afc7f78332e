"""Takes up what an earlier life of this service left: strays, runs cut off, runs handed over."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from flask import Flask

from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.processes import end_strays
from supervisor.commands.process.shell import Shell
from supervisor.errors import HandoverLost, SupervisorError
from supervisor.logs import context
from supervisor.runner.outcome import keep_going, outcome_of
from supervisor.runner.recording import Recorder
from supervisor.runs import recovery
from supervisor.runs.output import Output
from supervisor.selfupdate.handover import Handover, await_result, forget_others
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.config import Config
from supervisor.stacks import catalogue, mirrors, vault
from supervisor.store.models import Run, Stack
from supervisor.store.words import Status

log = logging.getLogger("supervisor.runner")

STRAY_SECONDS = 2
KILLED = "Supervisor was stopped while it ran"
LOST = "The helper container that went on with it is gone"


class Recovery:
    """Clear up at the start, and follow the runs that helper containers go on with."""

    def __init__(
        self, app: Flask, config: Config, recorder: Recorder, stopping: threading.Event
    ) -> None:
        self._app, self._config = app, config
        self._recorder, self._stopping = recorder, stopping
        self._engine = Engine(Shell(marker=f"{config.marker}mounts"))

    def begin(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Clear up what a killed process left; give the rest as work for threads, with names."""
        with self._app.app_context():
            mirrors.remove_drafts(self._config)
            strays = end_strays(self._config.marker, grace_seconds=STRAY_SECONDS)
            left = recovery.left_behind()
            handed = [run for run in left if self._handover(run).is_open]
        forget_others(self._config.storage, {run.uuid for run in handed})
        for run in handed:
            yield f"handover-{run.id}", partial(self._take_back, run)
        cut = [run for run in left if run not in handed]
        if strays or cut:
            log.warning("After a kill: %d processes ended, %d runs to do again", strays, len(cut))
        if cut:
            yield "recovery", lambda: self._take_up(cut)

    def _take_up(self, left: Sequence[Run]) -> None:
        """Record what was interrupted; the stacks of these runs do nothing else until then."""
        for run in left:
            try:
                with self._app.app_context():
                    self._recorder.interrupt(run, KILLED)
            except Exception:
                log.exception("run %s, which was interrupted, could not be taken up", run.uuid)

    def _take_back(self, run: Run) -> None:
        """Go on with a run that this Supervisor's predecessor handed over."""
        try:
            with self._app.app_context(), context.of_run(run.uuid):
                self.follow_helper(run, catalogue.of_run(run))
        except Exception:
            log.exception("run %s, which was handed over, could not be taken back", run.uuid)

    def follow_helper(self, run: Run, stack: Stack) -> None:
        """Record what a helper container makes of a run; at a stop, leave that to the next life."""
        log.info("%s of %s: handed over to a helper container", run.action, stack.name)
        handover = self._handover(run)
        helper = HelperContainer(self._engine, run.uuid)
        output = Output(run)
        try:
            result = await_result(handover, helper, keep_going(output.append), self._stopping)
        except HandoverLost:
            outcome = None
        else:
            if result is None:
                return
            outcome = outcome_of(
                stack, result.progress, Status(result.status), result.message, retry=result.retry
            )
        keep_going(output.close)()
        self._recorder.record(run, stack, outcome, LOST)
        handover.close()
        with suppress(SupervisorError):
            helper.remove()

    def _handover(self, run: Run) -> Handover:
        return Handover(self._config.storage, run.uuid, vault.cipher())

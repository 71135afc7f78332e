"""Executes runs in real threads: claims one, has it carried out, records how it ended."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from flask import Flask
from sqlalchemy.exc import OperationalError

from supervisor import failpoints
from supervisor.commands.process.processes import end_strays
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.itself import Itself
from supervisor.errors import Broken, CommandCancelled, HandedOver, HandoverLost, SupervisorError
from supervisor.logs import context
from supervisor.runner.attempt import Attempt
from supervisor.runner.outcome import itself_of, keep_going, outcome_of
from supervisor.runs import ending, queue, recovery
from supervisor.runs.bell import queue_bell
from supervisor.runs.ending import Outcome
from supervisor.runs.output import Output
from supervisor.selfupdate.handover import Handover, await_result, forget_others
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.config import Config
from supervisor.stacks import catalogue, control, mirrors
from supervisor.stacks.snapshot import workspace_of
from supervisor.store.models import Action, Run, Stack, Status

log = logging.getLogger("supervisor.runner")

IDLE_SECONDS = 5.0
SOON_SECONDS = 0.25
KILLING_SECONDS = 10
STOPPING = "Supervisor is stopping"
KILLED = "Supervisor was stopped while it ran"
LOST = "The helper container that went on with it is gone"
DELETED = "the stack was deleted"


class Runner:
    """Take runs from the queue, as many at once as the setting allows."""

    def __init__(self, app: Flask, config: Config) -> None:
        self._app = app
        self._config = config
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._active: dict[int, Cancellation] = {}
        self._threads: list[threading.Thread] = []
        self._shell = Shell(marker=f"{config.marker}mounts")
        self._host_storage = HostStorage(config.storage, self._shell)

    def start(self) -> None:
        """Clear up what a killed process left, then begin to work."""
        with self._app.app_context():
            mirrors.remove_drafts(self._config)
            strays = end_strays(self._config.marker, grace_seconds=2)
            left = recovery.left_behind()
        handed = [run for run in left if self._handover(run).is_open]
        forget_others(self._config.storage, {run.uuid for run in handed})
        for run in handed:
            self._spawn(f"handover-{run.id}", partial(self._take_back, run))
        cut = [run for run in left if run not in handed]
        if strays or cut:
            log.warning("After a kill: %d processes ended, %d runs to do again", strays, len(cut))
        if cut:
            self._spawn("recovery", lambda: self._take_up(cut))
        for number in range(self._config.concurrency):
            self._spawn(f"runner-{number}", self._work)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _take_up(self, left: Sequence[Run]) -> None:
        """Record what was interrupted; the stacks of these runs do nothing else until then."""
        for run in left:
            try:
                with self._app.app_context():
                    self._insist(
                        run, partial(recovery.interrupt, run, KILLED, self._config.runs_kept)
                    )
            except Exception:
                log.exception("run %s, which was interrupted, could not be taken up", run.uuid)

    def _take_back(self, run: Run) -> None:
        """Go on with a run that this Supervisor's predecessor handed over."""
        try:
            with self._app.app_context(), context.of_run(run.uuid):
                self._await(run, catalogue.of_run(run))
        except Exception:
            log.exception("run %s, which was handed over, could not be taken back", run.uuid)

    def _await(self, run: Run, stack: Stack) -> None:
        """Record what a helper container makes of a run; at a stop, leave that to the next life."""
        log.info("%s of %s: handed over to a helper container", run.action, stack.name)
        handover = self._handover(run)
        helper = HelperContainer(self._shell, run.uuid)
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
        self._record(run, stack, outcome, LOST)
        handover.close()
        with suppress(SupervisorError):
            helper.remove()

    def _handover(self, run: Run) -> Handover:
        return Handover(self._config.storage, run.uuid, self._app.extensions["supervisor_cipher"])

    def cancel(self, stack_id: int, reason: str) -> None:
        """End what the stack's run is doing now."""
        with self._lock:
            cancellation = self._active.get(stack_id)
        if cancellation:
            cancellation.cancel(reason)

    def stop(self) -> None:
        """Take no more work; end what goes on after a grace and record it as interrupted."""
        self._stopping.set()
        queue_bell.ring(everyone=True)
        self._join(self._config.grace_seconds)
        with self._lock:
            left = list(self._active.values())
        for cancellation in left:
            cancellation.cancel(STOPPING)
        self._join(KILLING_SECONDS)

    def _join(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))

    def _work(self) -> None:
        while not self._stopping.is_set():
            rings, seconds = queue_bell.rings, IDLE_SECONDS
            try:
                with self._app.app_context():
                    cancellation = Cancellation()
                    claimed = self._claim(cancellation)
                    if claimed:
                        with context.of_run(claimed[0].uuid):
                            self._execute(*claimed, cancellation)
                        continue
                    if queue.waits_a_moment():
                        seconds = SOON_SECONDS
            except Exception:
                log.exception("The runner met an error and goes on")
                self._stopping.wait(IDLE_SECONDS)
            queue_bell.wait(rings, seconds)

    def _claim(self, cancellation: Cancellation) -> tuple[Run, Stack] | None:
        """Take a run such that whoever wants it cancelled afterwards finds it."""
        with self._lock:
            claimed = queue.claim()
            if claimed:
                self._active[claimed[1].id] = cancellation
        return claimed

    def _execute(self, run: Run, stack: Stack, cancellation: Cancellation) -> None:
        log.info("%s of %s: begins (%s)", run.action, stack.name, run.trigger)
        try:
            outcome = self._attempt(run, stack, cancellation)
        except HandedOver:
            self._await(run, stack)
            return
        finally:
            with self._lock:
                del self._active[stack.id]
        failpoints.reach("finish")
        self._record(run, stack, outcome, STOPPING)
        failpoints.reach("finished")

    def _attempt(self, run: Run, stack: Stack, cancellation: Cancellation) -> Outcome | None:
        """Return how the run ended; None means that our own stop interrupted it."""
        try:
            attempt = Attempt(run, stack, self._config, self._host_storage, cancellation)
            try:
                return attempt.carry_out()
            except CommandCancelled as error:
                return None if error.reason == STOPPING else attempt.cancelled(error)
        except HandedOver:
            raise
        except Exception:
            log.exception("run %s of %s could not begin", run.uuid, stack.name)
            return Outcome(Status.FAILED, str(Broken()))

    def _record(self, run: Run, stack: Stack, outcome: Outcome | None, cut_by: str) -> None:
        """Write the end of the run down: one without an end would hold its stack for ever."""
        _tell_end(run, stack, outcome or Outcome(Status.INTERRUPTED, cut_by))
        try:
            self._insist(run, lambda: self._record_once(run, stack, outcome, cut_by))
        except Exception:
            log.exception("run %s: what it led to cannot be stored", run.uuid)
            failed = Outcome(Status.FAILED, str(Broken()), retry=run.action == Action.DELETE)
            self._insist(run, lambda: ending.finish(run, failed, self._config.runs_kept))

    def _insist(self, run: Run, record: Callable[[], None]) -> None:
        """Try again until the disk has room for the end of the run, however long it takes."""
        while True:
            try:
                record()
            except OperationalError as error:
                log.error("run %s: its end cannot be stored yet: %s", run.uuid, error)
                if self._stopping.wait(IDLE_SECONDS):
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

    def itself(self) -> Itself | None:
        """Return Supervisor's own container, None also where the engine doesn't tell."""
        with suppress(SupervisorError):
            return itself_of(self._host_storage, self._config)
        return None

    def is_own(self, stack: Stack) -> bool:
        """Tell whether Supervisor itself runs in this stack, as far as the engine tells."""
        itself = self.itself()
        return itself is not None and itself.is_in(stack.project)


def _tell_end(run: Run, stack: Stack, outcome: Outcome) -> None:
    level = logging.WARNING if outcome.status == Status.FAILED else logging.INFO
    reason = outcome.message.partition("\n")[0]
    log.log(level, "%s of %s: %s: %s", run.action, stack.name, outcome.status, reason)

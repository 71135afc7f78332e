"""Executes runs in real threads: claims one, has it carried out, records how it ended."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from flask import Flask

from supervisor import failpoints
from supervisor.commands.process.shell import Cancellation
from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.site import find_site
from supervisor.errors import Broken, CommandCancelled, HandedOver, SupervisorError
from supervisor.logs import context
from supervisor.runner.attempt import Attempt
from supervisor.runner.recording import Recorder
from supervisor.runner.recovery import Recovery
from supervisor.runs import queue
from supervisor.runs.bell import queue_bell
from supervisor.runs.ending import Outcome
from supervisor.runs.queue import Claimed
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks.snapshot import workspace_of
from supervisor.store.models import Run, Stack
from supervisor.store.words import Status

log = logging.getLogger("supervisor.runner")

IDLE_SECONDS = 5.0
SOON_SECONDS = 0.25
KILLING_SECONDS = 10
STOPPING = "Supervisor is stopping"
DELETED = "the stack was deleted"


class Runner:
    """Take runs from the queue, as many at once as the setting allows."""

    def __init__(self, app: Flask, config: Config) -> None:
        self._app = app
        self._config = config
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._active: dict[int, tuple[Run, Cancellation]] = {}
        self._threads: list[threading.Thread] = []
        self._recorder = Recorder(config, self._stopping)
        self._recovery = Recovery(app, config, self._recorder, self._stopping)
        self._host_storage = part_of(HostStorage, app)

    def start(self) -> None:
        """Clear up what a killed process left, then begin to work."""
        for name, work in self._recovery.begin():
            self._spawn(name, work)
        for number in range(self._config.concurrency):
            self._spawn(f"runner-{number}", self._work)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def cancel(self, stack_id: int, reason: str, *, spare: Run | None = None) -> None:
        """End what the stack's run is doing now, unless it is one that is to be spared."""
        with self._lock:
            run, cancellation = self._active.get(stack_id, (None, None))
        if run and cancellation and not (spare and run.id == spare.id):
            cancellation.cancel(reason)

    def stop(self) -> None:
        """Take no more work; end what goes on after a grace and record it as interrupted."""
        self._stopping.set()
        queue_bell.ring(everyone=True)
        self._join(self._config.grace_seconds)
        with self._lock:
            left = list(self._active.values())
        for _run, cancellation in left:
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
                        with context.of_run(claimed.run.uuid):
                            self._execute(claimed, cancellation)
                        continue
                    if queue.waits_a_moment():
                        seconds = SOON_SECONDS
            except Exception:
                log.exception("The runner met an error and goes on")
                self._stopping.wait(IDLE_SECONDS)
            queue_bell.wait(rings, seconds)

    def _claim(self, cancellation: Cancellation) -> Claimed | None:
        """Take a run such that whoever wants it cancelled afterwards finds it."""
        with self._lock:
            claimed = queue.claim()
            if claimed:
                self._active[claimed.stack.id] = (claimed.run, cancellation)
        return claimed

    def _execute(self, claimed: Claimed, cancellation: Cancellation) -> None:
        run, stack = claimed.run, claimed.stack
        log.info("%s of %s: begins (%s)", run.action, stack.name, run.trigger)
        try:
            outcome = self._attempt(claimed, cancellation)
        except HandedOver:
            self._recovery.follow_helper(run, stack)
            return
        finally:
            with self._lock:
                del self._active[stack.id]
        failpoints.reach("finish")
        self._recorder.record(run, stack, outcome, STOPPING)
        failpoints.reach("finished")

    def _attempt(self, claimed: Claimed, cancellation: Cancellation) -> Outcome | None:
        """Return how the run ended; None means that our own stop interrupted it."""
        try:
            attempt = Attempt(claimed, self._config, self._host_storage, cancellation)
            try:
                return attempt.carry_out()
            except CommandCancelled as error:
                return None if error.reason == STOPPING else attempt.cancelled(error)
        except HandedOver:
            raise
        except Exception:
            log.exception("run %s of %s could not begin", claimed.run.uuid, claimed.stack.name)
            return Outcome(Status.FAILED, str(Broken()))

    def is_own(self, stack: Stack) -> bool:
        """Tell whether Supervisor itself runs in this stack, as far as the engine tells."""
        with suppress(SupervisorError):
            place = workspace_of(stack, self._config)
            return find_site(place, self._host_storage).is_own(stack.project)
        return False

"""Executes runs in real threads: claims one, carries it out, records how it ended."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from typing import ParamSpec

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from supervisor import runs, stacks
from supervisor.commands.git import Remote
from supervisor.commands.shell import Cancellation, Shell
from supervisor.commands.strays import end_strays
from supervisor.config import Config
from supervisor.deploy.recipe import Recipe
from supervisor.deploy.spec import StackSpec, Workspace
from supervisor.errors import CommandCancelled, Skipped, SupervisorError
from supervisor.events import queue_bell
from supervisor.models import DEPLOYING, Action, Run, Stack, Status, Trigger
from supervisor.output import Output
from supervisor.redact import Redactor
from supervisor.secret_names import secret_values
from supervisor.stacks import StackSecrets

log = logging.getLogger(__name__)

P = ParamSpec("P")

IDLE_SECONDS = 5
STOPPING = "Supervisor is stopping"
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

    def start(self) -> None:
        """Clear up what a killed process left, then begin to work."""
        with self._app.app_context():
            end_strays(self.marker, grace_seconds=2)
            interrupted = runs.recover(self._config.runs_kept)
            if interrupted:
                log.warning("%d interrupted runs will be done again", interrupted)
        for number in range(self._config.concurrency):
            thread = threading.Thread(target=self._work, name=f"runner-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    @property
    def marker(self) -> str:
        """Return what marks the processes started from this storage."""
        return f"{self._config.storage}:"

    def cancel(self, stack_id: int, reason: str) -> None:
        """End what the stack's run is doing now."""
        with self._lock:
            cancellation = self._active.get(stack_id)
        if cancellation:
            cancellation.cancel(reason)

    def drain(self) -> None:
        """Take no more work; end what goes on after a grace and record it as interrupted."""
        self._stopping.set()
        queue_bell.ring()
        until = time.monotonic() + self._config.grace_seconds
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))
        with self._lock:
            left = list(self._active.values())
        for cancellation in left:
            cancellation.cancel(STOPPING)
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        while not self._stopping.is_set():
            rings = queue_bell.rings
            try:
                with self._app.app_context():
                    claimed = runs.claim()
                    if claimed:
                        self._execute(*claimed)
                        continue
            except Exception:
                log.exception("The runner met an error and goes on")
                self._stopping.wait(IDLE_SECONDS)
            queue_bell.wait(rings, IDLE_SECONDS)

    def _execute(self, run: Run, stack: Stack) -> None:
        log.info("run %s of %s: %s begins (%s)", run.uuid, stack.name, run.action, run.trigger)
        cancellation = Cancellation()
        with self._lock:
            self._active[stack.id] = cancellation
        try:
            outcome = self._attempt(run, stack, cancellation)
        finally:
            with self._lock:
                del self._active[stack.id]
        self._record(run, stack, outcome)

    def _attempt(self, run: Run, stack: Stack, cancellation: Cancellation) -> runs.Outcome | None:
        """Carry the run out; None means that it was interrupted by our own stop."""
        secrets = stacks.secrets_of(stack)
        redact = Redactor(secret_values(secrets))
        output = Output(run)
        write = _keep_going(output.append)
        shell = Shell(
            log=write, redact=redact, cancellation=cancellation, marker=f"{self.marker}{run.uuid}"
        )
        place = Workspace(self._config.storage, stack.uuid, stack.git_repository)

        def announce(step: str, text: str) -> None:
            _keep_going(runs.announce)(run, step)
            write([f"==> {step}: {redact(text)}"])

        recipe = Recipe(_spec(stack, secrets), place, shell, self._config.limits, announce)
        try:
            message = _carry_out(recipe, run, stack)
            return runs.Outcome(Status.SUCCEEDED, message, recipe.commit)
        except Skipped as skipped:
            return runs.Outcome(Status.SKIPPED, str(skipped), recipe.commit)
        except CommandCancelled as cancelled:
            if cancelled.reason == STOPPING:
                return None
            message = f"{recipe.step}: {cancelled}"
            return runs.Outcome(Status.FAILED, message, None, touched=recipe.touched)
        except SupervisorError as error:
            retry = error.retry or run.action == Action.DELETE
            message = f"{recipe.step}: {redact(str(error))}"
            write([message])
            return runs.Outcome(Status.FAILED, message, recipe.commit, retry, recipe.touched)
        except Exception:
            log.exception("run %s of %s broke at %s", run.uuid, stack.name, recipe.step)
            message = f"{recipe.step}: internal error, see Supervisor's own log"
            retry = run.action == Action.DELETE
            return runs.Outcome(Status.FAILED, message, recipe.commit, retry, recipe.touched)
        finally:
            _keep_going(output.close)()

    def _record(self, run: Run, stack: Stack, outcome: runs.Outcome | None) -> None:
        """Write the end of the run down, however long it takes for the disk to have room."""
        while True:
            try:
                if outcome is None:
                    runs.interrupt(run, STOPPING, self._config.runs_kept)
                elif run.action == Action.DELETE and outcome.status == Status.SUCCEEDED:
                    self._forget(stack)
                else:
                    runs.finish(run, outcome, self._config.runs_kept)
                break
            except SQLAlchemyError as error:
                log.error("run %s: its end cannot be stored yet: %s", run.uuid, error)
                if self._stopping.wait(IDLE_SECONDS):
                    break
        status = outcome.status if outcome else Status.INTERRUPTED
        log.info("run %s of %s: %s", run.uuid, stack.name, status)

    def _forget(self, stack: Stack) -> None:
        shared = stacks.remove(stack)
        if not shared:
            place = Workspace(self._config.storage, stack.uuid, stack.git_repository)
            shutil.rmtree(place.mirror, ignore_errors=True)


def _spec(stack: Stack, secrets: StackSecrets) -> StackSpec:
    return StackSpec(
        uuid=stack.uuid,
        project=stack.project,
        remote=Remote(stack.git_repository, stack.git_username, secrets.git_token),
        reference=stack.git_reference,
        compose_file=stack.compose_file,
        compose_includes=tuple(stack.compose_includes),
        variables=secrets.compose_variables,
        applied_commit=stack.applied_commit,
        held=stack.held,
    )


def _carry_out(recipe: Recipe, run: Run, stack: Stack) -> str:
    if run.action in DEPLOYING:
        by_commit = run.trigger in (Trigger.WEBHOOK, Trigger.POLLING)
        return recipe.deploy(explicit=not by_commit or stack.last_status == Status.FAILED)
    if run.action == Action.DELETE:
        return recipe.teardown(volumes=stack.delete_volumes)
    return recipe.control(run.action)


def _keep_going(function: Callable[P, None]) -> Callable[P, None]:
    """Let a deploy go on when the database can't take a line of its output: a full disk, say."""

    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except SQLAlchemyError as error:
            log.error("output could not be stored: %s", error)

    return guarded

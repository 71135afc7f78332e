"""What runs in the helper container: `python -m supervisor.selfupdate.takeover RUN [--check]`."""

import logging
import os
import sys
from pathlib import Path

from supervisor.commands.docker import containers
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.labels import PROJECT_LABEL
from supervisor.commands.process.shell import Shell
from supervisor.deploy.apply import compose_for
from supervisor.deploy.itself import LABEL
from supervisor.deploy.rollout import Rollout
from supervisor.errors import StorageError, SupervisorError, WrongKey
from supervisor.security.crypto import Cipher
from supervisor.security.redact import Redactor
from supervisor.security.secret import Secret
from supervisor.selfupdate.handover import Handover, Order, TakeoverResult
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.keys import SECRET_KEY_BASE, stored_keys
from supervisor.store import schema
from supervisor.store.words import Status

log = logging.getLogger("supervisor.takeover")

TRIES = 3
CHECK_SECONDS = 30
NO_KEY = f"{SECRET_KEY_BASE} is neither in Supervisor's container's environment nor in its storage"


class Takeover:
    """Do what the order of a run says, in place of the Supervisor that it replaces."""

    def __init__(self, handover: Handover, order: Order) -> None:
        self._handover, self._order = handover, order
        self._redact = Redactor(order.secrets)
        shell = Shell(log=handover.tell, redact=self._redact)
        self._rollout = Rollout(
            order.spec, order.place, shell, order.limits, self._announce, order.progress
        )
        self._engine = self._rollout.engine
        self._rollout.before_undo = self._undo_upgrade

    def carry_out(self) -> TakeoverResult:
        """Return what came of it; after too many kills, give up."""
        try:
            if self._handover.count_try() > TRIES:
                return self._failed(f"gave up after {TRIES} attempts that were cut off")
            if self._order.former:
                self._announce("hand over", "Stopping the Supervisor that is to be replaced")
                containers.step_aside(self._engine, self._order.former)
            message = self._rollout.carry_out(self._order.job)
        except SupervisorError as error:
            return self._failed(str(error), retry=self._order.progress.may_pass(error))
        except Exception:
            log.exception("run %s broke", self._handover.run)
            return self._failed("internal error, see the helper container's log")
        if self._order.former:
            containers.remove(self._engine, self._order.former)
        return TakeoverResult(Status.SUCCEEDED, message, self._order.progress)

    def _failed(self, reason: str, *, retry: bool = False) -> TakeoverResult:
        progress = self._order.progress
        message = progress.failure(self._redact(reason))
        self._handover.tell(message.splitlines())
        if self._order.former:
            self._bring_back(self._order.former)
        return TakeoverResult(Status.FAILED, message, progress, retry)

    def _bring_back(self, former: str) -> None:
        """Start the former Supervisor again, in place of what was to replace it."""
        spec = self._order.spec
        try:
            if spec.applied is None:
                self._announce("roll back", "Going back to the Supervisor that was to be replaced")
                self._undo_upgrade()
                compose_for(self._engine, spec.project).down(self._order.limits.down, volumes=False)
                self._order.progress.outcome = "rolled_back"
        except SupervisorError as error:
            self._handover.tell([f"The way back failed too: {error}"])
        finally:
            containers.step_back(self._engine, former)

    def _undo_upgrade(self) -> None:
        """Stop the new Supervisor, and give the former one the database that it can read."""
        labels = [f"{PROJECT_LABEL}={self._order.spec.project}", f"{LABEL}=true"]
        containers.stop_labelled(self._engine, labels)
        try:
            revision = schema.undo_upgrade(self._handover.storage / "supervisor.db")
        except (OSError, StorageError) as error:
            self._handover.tell([f"The database could not be put back: {error}"])
            return
        if revision:
            self._handover.tell(
                [f"The database had been upgraded to {revision}: it is as it was before that"]
            )

    def _announce(self, step: str, text: str) -> None:
        self._handover.tell([f"==> {step}: {self._redact(text)}"])


def main(run: str, *, check: bool) -> None:
    """Do a run's order, or only see whether that would be possible."""
    storage = Path(os.environ["SUPERVISOR_STORAGE"])
    key = os.environ.get(SECRET_KEY_BASE, "").strip() or stored_keys(storage).get(SECRET_KEY_BASE)
    if not key:
        sys.exit(NO_KEY)
    handover = Handover(storage, run, Cipher(Secret(key)))
    engine = Engine(Shell())
    if check:
        _check(handover, engine)
        return
    # After a result, or without an order, there is only this container to be removed.
    if handover.is_open and handover.result() is None:
        handover.finish(Takeover(handover, handover.order()).carry_out())
    HelperContainer(engine, run).remove()


def _check(handover: Handover, engine: Engine) -> None:
    """Exit with what is wrong, if anything is."""
    try:
        order = handover.order()
        engine.version(CHECK_SECONDS)
    except FileNotFoundError:
        sys.exit(f"{handover.storage} is not Supervisor's storage there")
    except WrongKey:
        sys.exit(f"{SECRET_KEY_BASE} there is not the one that Supervisor works with")
    except SupervisorError as error:
        sys.exit(f"{error}; it has no network, so mount the engine's socket")
    if not os.access(order.place.folder, os.W_OK):
        sys.exit(f"{order.place.folder} cannot be written there")


if __name__ == "__main__":
    main(sys.argv[1], check="--check" in sys.argv[2:])

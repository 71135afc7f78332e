"""One attempt at a run: a snapshot of the stack goes in, an outcome comes out."""

import logging
from collections.abc import Callable
from typing import ParamSpec

from sqlalchemy.exc import SQLAlchemyError

from supervisor import runs, stacks
from supervisor.commands.git import Remote
from supervisor.commands.shell import Cancellation, Shell
from supervisor.config import Config
from supervisor.deploy.recipe import Recipe
from supervisor.deploy.spec import StackSpec, Workspace
from supervisor.errors import CommandCancelled, Skipped, SupervisorError
from supervisor.models import DEPLOYING, Action, Run, Stack, Status, Trigger
from supervisor.output import Output
from supervisor.redact import Redactor
from supervisor.runs import Outcome
from supervisor.secret_names import secret_values
from supervisor.stacks import StackSecrets

log = logging.getLogger(__name__)

P = ParamSpec("P")


class Attempt:
    """Carry out a claimed run; its thread alone uses this."""

    def __init__(self, run: Run, stack: Stack, config: Config, cancellation: Cancellation) -> None:
        secrets = stacks.secrets_of(stack)
        self._run, self._stack = run, stack
        self._redact = Redactor(secret_values(secrets))
        self._output = Output(run)
        shell = Shell(
            log=self._write,
            redact=self._redact,
            cancellation=cancellation,
            marker=f"{config.marker}{run.uuid}",
        )
        place = Workspace(config.storage, stack.uuid, stack.git_repository)
        spec = _spec(stack, secrets)
        self._recipe = Recipe(spec, place, shell, config.limits, self._announce)

    def carry_out(self) -> Outcome:
        """Return how it ended; raise CommandCancelled where somebody ended it."""
        recipe = self._recipe
        try:
            return Outcome(Status.SUCCEEDED, self._follow_recipe(), recipe.commit)
        except Skipped as skipped:
            return Outcome(Status.SKIPPED, str(skipped), recipe.commit)
        except CommandCancelled:
            raise
        except SupervisorError as error:
            return self._failed(self._redact(str(error)), retry=error.retry)
        except Exception:
            log.exception("run %s of %s broke", self._run.uuid, self._stack.name)
            return self._failed("internal error, see Supervisor's own log")
        finally:
            _keep_going(self._output.close)()

    def cancelled(self, error: CommandCancelled) -> Outcome:
        """Return the outcome of an attempt that a person ended."""
        return self._failed(str(error), know_commit=False)

    def _follow_recipe(self) -> str:
        run, recipe = self._run, self._recipe
        if run.action in DEPLOYING:
            by_commit = run.trigger in (Trigger.WEBHOOK, Trigger.POLLING)
            failed_before = self._stack.last_status == Status.FAILED
            return recipe.deploy(explicit=failed_before or not by_commit)
        if run.action == Action.DELETE:
            return recipe.teardown(volumes=self._stack.delete_volumes)
        return recipe.control(run.action)

    def _failed(self, reason: str, *, retry: bool = False, know_commit: bool = True) -> Outcome:
        recipe = self._recipe
        message = f"{recipe.step}: {reason}"
        self._write(message.splitlines())
        commit = recipe.commit if know_commit else None
        # A teardown is tried until it succeeds.
        again = retry or self._run.action == Action.DELETE
        return Outcome(Status.FAILED, message, commit, retry=again, touched=recipe.touched)

    def _announce(self, step: str, text: str) -> None:
        _keep_going(runs.announce)(self._run, step)
        self._write([f"==> {step}: {self._redact(text)}"])

    def _write(self, lines: list[str]) -> None:
        _keep_going(self._output.append)(lines)


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


def _keep_going(function: Callable[P, None]) -> Callable[P, None]:
    """Let a deploy go on when the database can't take a line of its output: a full disk, say."""

    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except SQLAlchemyError as error:
            log.error("output could not be stored: %s", error.args[0] if error.args else error)

    return guarded

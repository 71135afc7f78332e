"""One attempt at a run: a snapshot of the stack goes in, an outcome comes out."""

import logging
from dataclasses import replace
from typing import Any

from supervisor import failpoints
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.recipe import Recipe
from supervisor.deploy.rollout import Job
from supervisor.deploy.teardown import tear_down
from supervisor.errors import (
    Broken,
    CommandCancelled,
    DeployRefused,
    HandedOver,
    Held,
    HostPathUnknown,
    Skipped,
    SupervisorError,
)
from supervisor.runner.outcome import itself_of, keep_going, outcome_of
from supervisor.runs.ending import Outcome
from supervisor.runs.output import Output
from supervisor.security.redact import Redactor
from supervisor.selfupdate.handover import Handover, Order
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.stacks.secret_names import secret_values
from supervisor.stacks.snapshot import spec_of, workspace_of
from supervisor.store.models import AUTOMATIC, DEPLOYING, Action, Run, Stack, Status, Trigger

log = logging.getLogger("supervisor.attempt")

UNSURE = (Status.FAILED, Status.INTERRUPTED)


class Attempt:
    """Carry out a claimed run; its thread alone uses this."""

    def __init__(
        self,
        run: Run,
        stack: Stack,
        config: Config,
        host_storage: HostStorage,
        cancellation: Cancellation,
    ) -> None:
        secrets = vault.secrets_of(stack)
        self._run, self._stack, self._config = run, stack, config
        self._redact = Redactor(secret_values(secrets))
        self._output = Output(run)
        shell = Shell(
            log=self._write,
            redact=self._redact,
            cancellation=cancellation,
            marker=f"{config.marker}{run.uuid}",
        )
        self._host_storage = host_storage
        spec, place = spec_of(stack, config), workspace_of(stack, config)
        self._recipe = Recipe(spec, place, shell, config.limits, self._announce)
        self._recipe.hand_over = self._hand_over

    def carry_out(self) -> Outcome:
        """Return how it ended; raise CommandCancelled where somebody ended it."""
        try:
            message = self._follow_recipe()
            return self._outcome(Status.SUCCEEDED, message)
        except Held as held:
            return self._outcome(Status.SKIPPED, str(held), catch_up=True)
        except Skipped as skipped:
            return self._outcome(Status.SKIPPED, str(skipped))
        except (CommandCancelled, HandedOver):
            raise
        except SupervisorError as error:
            retry = self._recipe.progress.may_pass(error)
            return self._failed(self._redact(str(error)), retry=retry)
        except Exception:
            log.exception("run %s of %s broke", self._run.uuid, self._stack.name)
            return self._failed(str(Broken()))
        finally:
            keep_going(self._output.close)()

    def cancelled(self, error: CommandCancelled) -> Outcome:
        """Return the outcome of an attempt that a person ended."""
        return replace(self._failed(str(error)), commit=None, outcome="cancelled")

    def _follow_recipe(self) -> str:
        run, recipe = self._run, self._recipe
        self._find_host_storage()
        if self._stack.suspended and run.trigger in AUTOMATIC and run.action != Action.DELETE:
            raise Held("Automatic runs of the stack are suspended: resume it")
        if run.action in DEPLOYING:
            by_commit = run.trigger in (Trigger.WEBHOOK, Trigger.POLLING)
            # After a run that was cut off, what runs may be anything.
            failed_before = self._stack.left_failed or self._stack.last_status in UNSURE
            by_person = run.action == Action.REDEPLOY or run.trigger == Trigger.API
            return recipe.deploy(explicit=failed_before or not by_commit, by_person=by_person)
        if run.action == Action.DELETE:
            return tear_down(recipe, volumes=self._stack.delete_volumes)
        if run.action == Action.ROLLBACK:
            return recipe.roll_back()
        return recipe.heal() if run.action == Action.HEAL else recipe.control(run.action)

    def _find_host_storage(self) -> None:
        """Work below the path that the engine sees; where there is none, binds are refused."""
        recipe = self._recipe
        try:
            storage = self._host_storage.path()
        except HostPathUnknown as error:
            recipe.unseen = str(error)
        else:
            recipe.place = replace(recipe.place, storage=storage)
        recipe.itself = itself_of(self._host_storage, self._config)

    def _hand_over(self, job: Job) -> str:
        """Have a helper container do what may replace Supervisor; raise HandedOver once it does."""
        recipe = self._recipe
        if recipe.itself is None or recipe.itself.storage is None:
            raise DeployRefused("Supervisor does not know where its own container has its storage")
        own, mount = recipe.itself.container, recipe.itself.storage
        order = Order(
            recipe.spec,
            recipe.place,
            job,
            self._config.limits,
            recipe.progress,
            secret_values(vault.secrets_of(self._stack)),
            former=None if recipe.itself.is_in(recipe.spec.project) else own.id,
        )
        handover = Handover(self._config.storage, self._run.uuid, vault.cipher())
        helper = HelperContainer(recipe.shell, self._run.uuid)
        handover.give(order)
        try:
            helper.check(own, mount, recipe.place.storage)
            helper.start(own, mount, recipe.place.storage)
        except SupervisorError:
            handover.close()  # a helper that has begun all the same finds no order
            raise
        raise HandedOver

    def _failed(self, reason: str, *, retry: bool = False) -> Outcome:
        message = self._recipe.progress.failure(reason)
        self._write(message.splitlines())
        # A teardown is tried until it succeeds.
        again = retry or self._run.action == Action.DELETE
        return self._outcome(Status.FAILED, message, retry=again)

    def _outcome(self, status: Status, message: str, **facts: Any) -> Outcome:
        return outcome_of(self._stack, self._recipe.progress, status, message, **facts)

    def _announce(self, step: str, text: str) -> None:
        failpoints.reach(step)
        line = f"==> {step}: {self._redact(text)}"
        keep_going(self._output.begin)(step, self._recipe.progress.commit, line)

    def _write(self, lines: list[str]) -> None:
        keep_going(self._output.append)(lines)

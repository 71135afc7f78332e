"""One attempt at a run: a snapshot of the stack goes in, an outcome comes out."""

import logging
from dataclasses import replace
from typing import Any

from supervisor import failpoints
from supervisor.commands.process.shell import Cancellation, Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.recipe import Recipe
from supervisor.deploy.rollout import Job, Progress
from supervisor.deploy.site import find_site
from supervisor.deploy.teardown import tear_down
from supervisor.errors import (
    Broken,
    CommandCancelled,
    DeployRefused,
    HandedOver,
    Skipped,
    SupervisorError,
)
from supervisor.runner.outcome import keep_going, outcome_of
from supervisor.runs.ending import Outcome
from supervisor.runs.output import Output
from supervisor.runs.policy import When, condition_of, decide_commit
from supervisor.runs.queue import Claimed
from supervisor.selfupdate.handover import Handover, Order, hand_over
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.stacks.snapshot import snapshot_of
from supervisor.store.words import Action, Status

log = logging.getLogger("supervisor.attempt")

UNSURE = (Status.FAILED, Status.INTERRUPTED)


class Attempt:
    """Carry out a claimed run; its thread alone uses this."""

    def __init__(
        self,
        claimed: Claimed,
        config: Config,
        host_storage: HostStorage,
        cancellation: Cancellation,
    ) -> None:
        self._run, self._stack, self._decision = claimed
        self._config, self._host_storage = config, host_storage
        self._snapshot = snapshot_of(self._stack, config)
        self._output = Output(self._run)
        self._progress = Progress()
        self._shell = Shell(
            log=self._write,
            redact=self._snapshot.redact,
            cancellation=cancellation,
            marker=f"{config.marker}{self._run.uuid}",
        )

    def carry_out(self) -> Outcome:
        """Return how it ended; raise CommandCancelled where somebody ended it."""
        try:
            return self._outcome(Status.SUCCEEDED, self._follow_recipe())
        except Skipped as skipped:
            return self._outcome(Status.SKIPPED, str(skipped))
        except (CommandCancelled, HandedOver):
            raise
        except SupervisorError as error:
            retry = self._progress.may_pass(error)
            return self._failed(self._snapshot.redact(str(error)), retry=retry)
        except Exception:
            log.exception("run %s of %s broke", self._run.uuid, self._stack.name)
            return self._failed(str(Broken()))
        finally:
            keep_going(self._output.close)()

    def cancelled(self, error: CommandCancelled) -> Outcome:
        """Return the outcome of an attempt that a person ended."""
        return replace(self._failed(str(error)), commit=None, outcome="cancelled")

    def _follow_recipe(self) -> str:
        self._check_decision()
        recipe = Recipe(
            self._snapshot.spec,
            find_site(self._snapshot.place, self._host_storage),
            self._shell,
            self._config.limits,
            self._announce,
            self._progress,
        )
        done = self._act(recipe)
        return self._carry_out(recipe, done) if isinstance(done, Job) else done

    def _check_decision(self) -> None:
        """Raise what keeps the run from beginning, where its turn has come in vain."""
        if self._decision.when is When.NOW:
            return
        applied = self._snapshot.spec.applied
        if applied and self._run.action != Action.ROLLBACK:
            self._progress.commit = applied.commit
        if self._run.trigger.is_automatic:
            raise Skipped(self._decision.reason)
        raise DeployRefused(self._decision.reason)

    def _act(self, recipe: Recipe) -> Job | str:  # noqa: C901, PLR0911 (a table of all actions)
        """Do what comes before anything is applied, or all of it; return the rest, or what came."""
        match self._run.action:
            case Action.DEPLOY | Action.REDEPLOY:
                return self._deploy(recipe)
            case Action.DELETE:
                return tear_down(recipe, volumes=self._stack.delete_volumes)
            case Action.ROLLBACK:
                return recipe.roll_back()
            case Action.HEAL:
                return recipe.heal()
            case Action.START:
                return recipe.start()
            case Action.RESTART:
                return recipe.restart()
            case Action.STOP:
                return recipe.stop()
            case Action.PAUSE:
                return recipe.pause()
            case Action.UNPAUSE:
                return recipe.unpause()

    def _deploy(self, recipe: Recipe) -> Job:
        run, stack = self._run, self._stack
        # After a run that was cut off, what runs may be anything.
        explicit = stack.left_failed or stack.last_status in UNSURE or not run.trigger.is_by_commit
        commit = recipe.fetch(unless=None if explicit else stack.applied_commit)
        decision = decide_commit(condition_of(stack), run.action, run.trigger, commit)
        if decision.when is When.NEVER:
            raise Skipped(decision.reason)
        return recipe.deploy(commit, explicit=explicit)

    def _carry_out(self, recipe: Recipe, job: Job) -> str:
        """Do the last part of the run; have it done where it would replace Supervisor itself."""
        if not job.is_own:
            return recipe.rollout.carry_out(job)
        recipe.step("hand over", "A helper container goes on, since this may replace Supervisor")
        itself = recipe.site.itself
        if itself is None or itself.storage is None:
            raise DeployRefused("Supervisor does not know where its own container has its storage")
        order = Order(
            recipe.spec,
            recipe.place,
            job,
            recipe.limits,
            recipe.progress,
            self._snapshot.secret_values,
            former=None if recipe.is_own else itself.container.id,
        )
        handover = Handover(self._config.storage, self._run.uuid, vault.cipher())
        helper = HelperContainer(recipe.engine, self._run.uuid)
        hand_over(order, handover, helper, itself.container, itself.storage)
        raise HandedOver

    def _failed(self, reason: str, *, retry: bool = False) -> Outcome:
        message = self._progress.failure(reason)
        self._write(message.splitlines())
        # A teardown is tried until it succeeds.
        again = retry or self._run.action == Action.DELETE
        return self._outcome(Status.FAILED, message, retry=again)

    def _outcome(self, status: Status, message: str, **facts: Any) -> Outcome:
        return outcome_of(self._stack, self._progress, status, message, **facts)

    def _announce(self, step: str, text: str) -> None:
        failpoints.reach(step)
        line = f"==> {step}: {self._snapshot.redact(text)}"
        keep_going(self._output.begin)(step, self._progress.commit, line)

    def _write(self, lines: list[str]) -> None:
        keep_going(self._output.append)(lines)

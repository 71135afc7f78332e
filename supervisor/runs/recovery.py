"""What a killed process left, and what was interrupted, is taken up again."""

from collections.abc import Sequence

from sqlalchemy import select

from supervisor.runs.ending import Outcome, finish
from supervisor.runs.policy import When, condition_of, decide, joins
from supervisor.runs.queue import PENDING, append
from supervisor.store.database import reading, writing
from supervisor.store.models import Run, Stack
from supervisor.store.words import Action, Status, Trigger

ATTEMPTS_LIMIT = 3


def left_behind() -> Sequence[Run]:
    """Return the runs that a killed process left; only before anything runs."""
    with reading() as session:
        return session.scalars(select(Run).where(Run.status == Status.RUNNING)).all()


def interrupt(run: Run, reason: str, runs_kept: int) -> None:
    """Record a run as interrupted and submit it again in its place in the queue.

    A run that was interrupted ATTEMPTS_LIMIT times is given up, so that a run which brings the
    process down can't do so for ever.
    """
    if run.attempts >= ATTEMPTS_LIMIT:
        message = f"gave up after {run.attempts} attempts: {reason}"
        # With its commit, which polls then leave alone. A teardown is never given up.
        with reading() as session:
            commit = session.get_one(Run, run.id).commit_after
        retry = run.action == Action.DELETE
        finish(run, Outcome(Status.FAILED, message, commit, retry=retry), runs_kept)
        return
    with writing() as session:
        stack = session.get_one(Stack, run.stack_id)
        pending = list(session.scalars(PENDING, {"stack": run.stack_id}))
        is_next = pending and joins(pending[0].action, run.action)
        decision = decide(condition_of(stack, is_awaited=True), run.action, run.trigger)
        if decision.when is not When.NEVER and not is_next:
            again = append(session, stack.id, run.action, _trigger_again(run))
            again.position, again.attempts = run.position, run.attempts
    finish(run, Outcome(Status.INTERRUPTED, reason), runs_kept)


def _trigger_again(run: Run) -> Trigger:
    return Trigger.RECOVERY if run.action.deploys else run.trigger

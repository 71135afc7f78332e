"""What falls due: checks, retries, the ends of suspensions."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from supervisor.runs import queue
from supervisor.stacks.check_times import FIRST_CHECK_SECONDS, first_check_at
from supervisor.store.database import reading, writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Status, Trigger

SOON = timedelta(seconds=FIRST_CHECK_SECONDS)  # as far apart as first checks are spread


def due_for_check(at: datetime, known: Collection[int]) -> Sequence[Stack]:
    """Return the stacks whose check is due, without those whose numbers are known to be so.

    A stack that has a run going stays due until that run ends: it may be deploying what the
    check would find. Others on the same repository whose turn is near come along: from then on
    one question serves them all.
    """
    running = select(Run.stack_id).where(Run.status == Status.RUNNING)
    free = (Stack.id.not_in(running), Stack.id.not_in(known))
    asked = select(Stack.git_repository).where(Stack.check_at <= at, *free)
    near = select(Stack).where(Stack.check_at <= at + SOON, *free)
    with reading() as session:
        if session.scalar(asked.limit(1)) is None:
            return []
        found = session.scalars(near.where(Stack.git_repository.in_(asked))).all()
    return [stack for stack in found if _comes_along(stack, at)]


def _comes_along(stack: Stack, at: datetime) -> bool:
    """Tell whether less than half of the stack's interval is left; so groups meet in one round."""
    half = timedelta(seconds=(stack.polling_interval or 0) / 2)
    return stack.check_at is not None and stack.check_at <= at + half


def submit_retries(at: datetime) -> None:
    """Queue again what failed for a reason that may have passed."""
    with reading() as session:
        if session.scalar(select(Stack.id).where(Stack.retry_at <= at).limit(1)) is None:
            return
    with writing() as session:
        for stack in session.scalars(select(Stack).where(Stack.retry_at <= at)).all():
            action = Action.DELETE if stack.deleting else Action.DEPLOY
            queue.submit(session, stack, action, Trigger.RECOVERY)
            stack.retry_at = None


def shift_times(by: timedelta) -> None:
    """Move what is due, after somebody set the clock."""
    with writing(durable=False) as session:
        for stack in session.scalars(select(Stack)):
            stack.check_at = stack.check_at and stack.check_at + by
            stack.retry_at = stack.retry_at and stack.retry_at + by


def spread_overdue_checks() -> None:
    """Spread the checks that fell due while the service was down."""
    with writing(durable=False) as session:
        overdue = Stack.check_at < now() + timedelta(seconds=1)
        for stack in session.scalars(select(Stack).where(overdue)):
            stack.check_at = first_check_at(stack.polling_interval)

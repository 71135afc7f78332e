"""What a person tells a stack to do, and what becomes of it until it is forgotten."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supervisor.errors import StackNotFound
from supervisor.runs import queue
from supervisor.runs.followers import broker
from supervisor.stacks.catalogue import find_in
from supervisor.store.database import reading, write_together, writing
from supervisor.store.models import Run, Stack
from supervisor.store.words import Action, Trigger


def submit(uuid: str, action: Action, trigger: Trigger) -> Run:
    """Queue a run; raise StackNotFound, also where the stack is being deleted."""

    def add(session: Session) -> Run:
        run = queue.submit(session, find_in(session, uuid), action, trigger)
        if run is None:
            raise StackNotFound
        return run

    return write_together(add)


def suspend(uuid: str, reason: str | None, until: datetime | None) -> None:
    """Hold all automatic runs of a stack, until a time if one is given."""
    with writing() as session:
        stack = find_in(session, uuid)
        stack.suspended, stack.suspended_reason, stack.suspended_until = True, reason, until


def resume(uuid: str) -> Run | None:
    """Let automatic runs go on, and catch up with what was held meanwhile; return the run."""
    with writing() as session:
        return let_go(session, find_in(session, uuid))


def resume_due(at: datetime) -> None:
    """Resume the stacks whose suspension has run out."""
    with reading() as session:
        if session.scalar(select(Stack.id).where(Stack.suspended_until <= at).limit(1)) is None:
            return
    with writing() as session:
        for stack in session.scalars(select(Stack).where(Stack.suspended_until <= at)).all():
            let_go(session, stack)


def let_go(session: Session, stack: Stack) -> Run | None:
    """End a suspension within the caller's transaction; return the run that catches up."""
    stack.suspended, stack.suspended_reason, stack.suspended_until = False, None, None
    run = queue.catch_up(session, stack)
    heal = queue.submit(session, stack, Action.HEAL, Trigger.DRIFT) if stack.drift else None
    return run or heal


def drop_pending(uuid: str, reason: str) -> None:
    """Drop what is pending for a stack."""
    with writing() as session:
        stack = find_in(session, uuid)
        queue.drop_pending(session, stack, reason)


def mark_deleting(uuid: str, *, volumes: bool) -> tuple[Stack, Run]:
    """Record that the stack is to go and queue its teardown; drop what else was pending."""
    with writing() as session:
        stack = find_in(session, uuid)
        stack.deleting = True
        stack.delete_volumes = stack.delete_volumes or volumes
        stack.check_at = None
        queue.drop_pending(session, stack, "the stack was deleted before it began")
        run = queue.submit(session, stack, Action.DELETE, Trigger.API)
        assert run is not None  # noqa: S101 (a teardown is never refused)
        return stack, run


def remove(stack: Stack) -> None:
    """Forget a stack whose containers are gone."""
    with writing() as session:
        session.delete(session.get_one(Stack, stack.id))
    broker.close(stack.id, "deleted")

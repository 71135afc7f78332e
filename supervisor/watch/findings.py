"""How stacks fare on the engine: which to look at, what was found, what is put back."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import exists, or_, select, update

from supervisor.runs import queue
from supervisor.store.database import reading, writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Status, Trigger

Watched = tuple[Stack, bool]


def watched(projects: Collection[str] | None) -> list[Watched]:
    """Return the stacks of these projects, None for all, and whether a run is at work on each.

    One that is deployed for the first time belongs to them: its run may end well any moment.
    """
    busy = exists().where(Run.stack_id == Stack.id, Run.status == Status.RUNNING)
    deployed = or_(Stack.applied.is_not(None), busy)
    query = select(Stack, busy).where(deployed, Stack.deleting.is_(False))
    if projects is not None:
        query = query.where(Stack.project.in_(projects))
    with reading() as session:
        return [(stack, at_work) for stack, at_work in session.execute(query)]


def note_health(stack: Stack, *, healthy: bool, drift: dict[str, str]) -> None:
    """Record how a stack fares, unless a run began meanwhile or nothing is new."""
    if stack.healthy == healthy and stack.drift == drift:
        return
    running = exists().where(Run.stack_id == Stack.id, Run.status == Status.RUNNING)
    values = {"healthy": healthy, "drift": drift}
    with writing(durable=False) as session:
        session.execute(update(Stack).where(Stack.id == stack.id, ~running).values(values))


def note_applied(stack: Stack, applied: bytes) -> None:
    """Record what is known better of the applied state, unless it has become another one."""
    running = exists().where(Run.stack_id == Stack.id, Run.status == Status.RUNNING)
    same = (Stack.id == stack.id, Stack.applied == stack.applied, ~running)
    with writing(durable=False) as session:
        session.execute(update(Stack).where(*same).values(applied=applied))


def submit_heal(stack: Stack, calm: timedelta) -> None:
    """Ask for a run that puts back what differs; count it unless the last one is long ago."""
    if not queue.may_be_asked(stack, Action.HEAL, Trigger.DRIFT):
        return
    with writing() as session:
        stack = session.get_one(Stack, stack.id)
        if queue.submit(session, stack, Action.HEAL, Trigger.DRIFT) is None:
            return
        recent = stack.healed_at is not None and now() - stack.healed_at < calm
        stack.heals = stack.heals + 1 if recent else 1
        stack.healed_at = now()

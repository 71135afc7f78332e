"""Runs that wait: asked for, joined, put off, taken."""

import logging
from typing import NamedTuple

from sqlalchemy import Select, and_, bindparam, event, exists, not_, select
from sqlalchemy.orm import Session

from supervisor.errors import LimitReached
from supervisor.runs.bell import queue_bell
from supervisor.runs.entries import tell
from supervisor.runs.policy import (
    PENDING_LIMIT,
    VAIN_PAUSE,
    Condition,
    Decision,
    When,
    condition_of,
    decide,
    is_limited,
    is_repeated,
    joins,
)
from supervisor.runs.pruning import prune_skipped
from supervisor.store.database import reading, writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Status, Trigger

log = logging.getLogger("supervisor.runner")

# Built once: a forge may call a hundred times a second.
OWN = Run.stack_id == bindparam("stack")
PENDING = select(Run).where(OWN, Run.status == Status.PENDING).order_by(Run.position, Run.id)
RUNNING = select(exists().where(OWN, Run.status == Status.RUNNING))
NEWEST = select(Run).where(OWN).order_by(Run.id.desc()).limit(1)


class Claimed(NamedTuple):
    """A run whose turn has come, its stack, and whether it may begin."""

    run: Run
    stack: Stack
    decision: Decision


def submit(session: Session, stack: Stack, action: Action, trigger: Trigger) -> Run | None:
    """Ask for a run; return the pending one, None where it may never begin.

    One that may begin later only is recorded as skipped, with the reason, and the stack catches up
    when it may. What a person may not do now is queued all the same, and told in its turn.

    The caller commits before it tells anybody; the runner is woken by the commit of a new run.
    Raise LimitReached when others ask for more while too many different things are pending.
    """
    present = session.get(Stack, stack.id)
    if present is None:
        return None
    pending = list(session.scalars(PENDING, {"stack": stack.id}))
    decision = decide(_condition(session, present, is_awaited=bool(pending)), action, trigger)
    if decision.when is When.NEVER and (trigger.is_automatic or present.deleting):
        return None
    if decision.when is When.LATER:
        return _put_off(session, present, action, trigger, decision.reason)
    if pending and joins(pending[-1].action, action):
        return _join(pending[-1], action, trigger)
    if len(pending) >= PENDING_LIMIT and is_limited(trigger):
        raise LimitReached(f"{PENDING_LIMIT} runs are pending for this stack already")
    event.listen(session, "after_commit", lambda _: queue_bell.ring(), once=True)
    return append(session, stack.id, action, trigger)


def catch_up(session: Session, stack: Stack) -> Run | None:
    """Queue the deploy that was put off, where nothing holds it up any more."""
    decision = decide(_condition(session, stack), Action.DEPLOY, Trigger.RECOVERY)
    if not stack.catch_up or decision.when is not When.NOW:
        return None
    return submit(session, stack, Action.DEPLOY, Trigger.RECOVERY)


def may_be_asked(stack: Stack, action: Action, trigger: Trigger) -> bool:
    """Tell, without writing, whether anything would come of asking for a run."""
    with reading() as session:
        return decide(_condition(session, stack), action, trigger).when is not When.NEVER


def _condition(session: Session, stack: Stack, *, is_awaited: bool = False) -> Condition:
    is_running = bool(session.scalar(RUNNING, {"stack": stack.id}))
    return condition_of(stack, is_running=is_running, is_awaited=is_awaited)


def _join(run: Run, action: Action, trigger: Trigger) -> Run:
    run.requests += 1
    run.attempts = 0  # asked for anew: what cut off earlier attempts does not count against it
    if trigger == Trigger.API:  # what a person asks for is never skipped as "nothing new"
        run.action, run.trigger = action, trigger
    return run


def append(session: Session, stack_id: int, action: Action, trigger: Trigger) -> Run:
    """Add a pending run behind all others."""
    run = Run(stack_id=stack_id, action=action, trigger=trigger, position=0)
    session.add(run)
    session.flush()
    run.position = run.id
    return run


def _put_off(session: Session, stack: Stack, action: Action, trigger: Trigger, reason: str) -> Run:
    """Record that a run has to wait: once, however often it is asked for."""
    newest = session.scalar(NEWEST, {"stack": stack.id})
    if newest and _is_put_off(newest, reason) and joins(newest.action, action):
        newest.requests += 1
        run = newest
    else:
        run = append(session, stack.id, action, trigger)
        _skip(session, run, stack, reason)
    stack.catch_up = stack.catch_up or action.deploys
    return run


def _is_put_off(run: Run, reason: str) -> bool:
    return run.status == Status.SKIPPED and run.started_at is None and run.message == reason


def _skip(session: Session, run: Run, stack: Stack, reason: str) -> None:
    run.status, run.message, run.finished_at = Status.SKIPPED, reason, now()
    tell(session, run)
    prune_skipped(session, run.stack_id)
    facts = {"run": run.uuid}
    log.info("%s of %s: skipped: %s", run.action, stack.name, reason, extra={"facts": facts})


def drop_pending(session: Session, stack: Stack, reason: str) -> None:
    """Skip what is pending for a stack, except its teardown."""
    for run in session.scalars(PENDING, {"stack": stack.id}).all():
        if run.action != Action.DELETE:
            run.status, run.message, run.finished_at = Status.SKIPPED, reason, now()
            tell(session, run)


def _of_idle_stacks() -> Select[Run, Stack]:
    busy = select(Run.stack_id).where(Run.status == Status.RUNNING)
    query = select(Run, Stack).join(Stack, Stack.id == Run.stack_id)
    return query.where(Run.status == Status.PENDING, Run.stack_id.not_in(busy)).limit(1)


def claim() -> Claimed | None:
    """Take the next run: the first of its stack, of the stack that waited longest.

    Where a webhook has just led to nothing, the stack's next one waits a moment: a forge that
    calls a hundred times a second is not answered by as many questions.
    """
    in_vain = and_(
        Stack.last_status.is_not_distinct_from(str(Status.SKIPPED)),
        Stack.last_run_at.between(now() - VAIN_PAUSE, now()),  # a clock may have been set back
    )
    query = (
        _of_idle_stacks()
        .where(not_(and_(Run.trigger == Trigger.WEBHOOK, in_vain)))
        .order_by(Stack.last_run_at.asc().nulls_first(), Run.position, Run.id)
    )
    with reading() as session:
        if session.execute(query).first() is None:
            return None
    # Where a power cut takes this back, the run is pending as before, and is done again.
    with writing(durable=False) as session:
        while found := session.execute(query).first():
            run, stack = found
            decision = decide(condition_of(stack), run.action, run.trigger)
            if decision.when is not When.LATER:
                _begin(run, stack)
                return Claimed(run, stack, decision)
            stack.catch_up = stack.catch_up or run.action.deploys
            _skip(session, run, stack, decision.reason)
    return None


def _begin(run: Run, stack: Stack) -> None:
    run.status, run.started_at = Status.RUNNING, now()
    run.attempts += 1
    run.commit_before = stack.applied_commit
    if is_repeated(run.action):
        stack.retry_at = None
    if run.action.deploys:
        stack.catch_up = False  # what is put off from now on may be newer than what this one finds


def waits_a_moment() -> bool:
    """Tell whether a run can be claimed soon though no other one ends: nobody will ring for it."""
    with reading() as session:
        return session.execute(_of_idle_stacks()).first() is not None

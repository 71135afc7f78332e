"""The life of a run: submitted, claimed, finished; or interrupted and taken up again."""

from sqlalchemy import Select, and_, bindparam, event, not_, select
from sqlalchemy.orm import Session

from supervisor.errors import LimitReached
from supervisor.runs.bell import queue_bell
from supervisor.runs.entries import tell
from supervisor.runs.policy import LIMITED, PENDING_LIMIT, RETRIED, VAIN_PAUSE, does_the_same
from supervisor.store.database import reading, writing
from supervisor.store.models import (
    Action,
    Run,
    Stack,
    Status,
    Trigger,
    now,
)

PENDING = (
    select(Run)
    .where(Run.stack_id == bindparam("stack"), Run.status == Status.PENDING)
    .order_by(Run.position, Run.id)
)


def submit(session: Session, stack: Stack, action: Action, trigger: Trigger) -> Run:
    """Add a pending run, or join the pending one that will do the same.

    The caller commits before it tells anybody; the runner is woken by the commit of a new run.
    Raise LimitReached when others ask for more while a stack has too many different things
    pending; what Supervisor itself queues is at most one run for each that ends.
    """
    pending = list(session.scalars(PENDING, {"stack": stack.id}))
    if pending and does_the_same(pending[-1], action):
        run = _join(pending[-1], action, trigger)
    elif len(pending) >= PENDING_LIMIT and trigger in LIMITED:
        raise LimitReached(f"{PENDING_LIMIT} runs are pending for this stack already")
    else:
        run = _append(session, stack.id, action, trigger)
        event.listen(session, "after_commit", lambda _: queue_bell.ring(), once=True)
    return run


def _join(run: Run, action: Action, trigger: Trigger) -> Run:
    run.requests += 1
    run.attempts = 0  # asked for anew: what cut off earlier attempts does not count against it
    if trigger == Trigger.API:  # what a person asks for is never skipped as "nothing new"
        run.action, run.trigger = action, trigger
    return run


def _append(session: Session, stack_id: int, action: Action, trigger: Trigger) -> Run:
    run = Run(stack_id=stack_id, action=action, trigger=trigger, position=0)
    session.add(run)
    session.flush()
    run.position = run.id
    return run


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


def claim() -> tuple[Run, Stack] | None:
    """Take the next run: the first of its stack, of the stack that waited longest.

    Where a webhook has just led to nothing, the stack's next one waits a moment: a forge that
    calls a hundred times a second is not answered by as many questions.
    """
    in_vain = and_(
        Stack.last_status.is_not_distinct_from(Status.SKIPPED),
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
        found = session.execute(query).first()
        if found is None:
            return None
        run, stack = found
        run.status, run.started_at = Status.RUNNING, now()
        run.attempts += 1
        run.commit_before = stack.applied_commit
        if run.action in RETRIED:
            stack.retry_at = None
        return run, stack


def waits_a_moment() -> bool:
    """Tell whether a run can be claimed soon though no other one ends: nobody will ring for it."""
    with reading() as session:
        return session.execute(_of_idle_stacks()).first() is not None

"""The life of a run: submitted, claimed, finished; or interrupted and taken up again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Select, and_, bindparam, delete, event, not_, select
from sqlalchemy.orm import Session

from supervisor.errors import LimitReached
from supervisor.runs.followers import queue_bell
from supervisor.runs.output import frame, publish
from supervisor.store.database import reading, writing
from supervisor.store.models import (
    DEPLOYING,
    FINISHED,
    Action,
    Held,
    LineKind,
    LogLine,
    Run,
    Stack,
    Status,
    Trigger,
    now,
)

PENDING_LIMIT = 20
LIMITED = (Trigger.API, Trigger.WEBHOOK)
ATTEMPTS_LIMIT = 3
RETRIED = (*DEPLOYING, Action.DELETE)
VAIN_PAUSE = timedelta(seconds=1)
RETRY_SECONDS = (15, 30, 60, 120, 300, 900)
PENDING = (
    select(Run)
    .where(Run.stack_id == bindparam("stack"), Run.status == Status.PENDING)
    .order_by(Run.position, Run.id)
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what that changes about its stack."""

    status: Status
    message: str
    commit: str | None = None
    retry: bool = False
    catch_up: bool = False
    came_up: bool = True
    healthy: bool | None = None
    outcome: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    applied_commit: str | None = None
    applied: bytes | None = None


def submit(session: Session, stack: Stack, action: Action, trigger: Trigger) -> Run:
    """Add a pending run, or join the pending one that will do the same.

    The caller commits before it tells anybody; the runner is woken by the commit of a new run.
    Raise LimitReached when others ask for more while a stack has too many different things
    pending; what Supervisor itself queues is at most one run for each that ends.
    """
    pending = list(session.scalars(PENDING, {"stack": stack.id}))
    if pending and _does_the_same(pending[-1], action):
        run = _join(pending[-1], action, trigger)
    elif len(pending) >= PENDING_LIMIT and trigger in LIMITED:
        raise LimitReached(f"{PENDING_LIMIT} runs are pending for this stack already")
    else:
        run = _append(session, stack.id, action, trigger)
        event.listen(session, "after_commit", lambda _: queue_bell.ring(), once=True)
    return run


def _does_the_same(run: Run, action: Action) -> bool:
    return run.action == action or {run.action, action} <= set(DEPLOYING)


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
            _tell(session, run)


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


def finish(run: Run, outcome: Outcome, runs_kept: int) -> None:
    """Record how a run ended, tell followers, and prune the stack's history."""
    with writing() as session:
        run = session.get_one(Run, run.id)
        stack = session.get_one(Stack, run.stack_id)
        run.status, run.message, run.finished_at = outcome.status, outcome.message, now()
        run.commit_after = outcome.commit
        run.outcome, run.reasons = outcome.outcome, dict(outcome.reasons)
        _count(stack, run)
        _learn(session, stack, run, outcome)
        _tell(session, run)
        _prune(session, stack.id, runs_kept)
    queue_bell.ring()


def _count(stack: Stack, run: Run) -> None:
    stack.processed += 1
    stack.failed += run.status == Status.FAILED
    stack.last_run_at, stack.last_action, stack.last_status = run.finished_at, run.word, run.status


def _learn(session: Session, stack: Stack, run: Run, outcome: Outcome) -> None:
    """Bring the stack's own state in line with what the run did."""
    _learn_of_state(stack, run, outcome)
    if run.action in DEPLOYING:
        _learn_of_deploy(session, stack, outcome)
    elif outcome.status == Status.SUCCEEDED:
        _learn_of_control(session, stack, run.action)
    if outcome.retry and run.action in RETRIED:
        delay = RETRY_SECONDS[min(stack.retries, len(RETRY_SECONDS) - 1)]
        stack.retry_at = now() + timedelta(seconds=delay)
        stack.retries += 1
    else:
        stack.retries = 0


def _learn_of_deploy(session: Session, stack: Stack, outcome: Outcome) -> None:
    if not outcome.retry:
        stack.catch_up = outcome.catch_up
    if outcome.catch_up and not (stack.held or stack.suspended or stack.deleting):
        submit(session, stack, Action.DEPLOY, Trigger.RECOVERY)  # let go while the run was skipped
    if outcome.status == Status.SUCCEEDED:
        stack.hold_commit = None
    elif outcome.outcome and outcome.commit and outcome.came_up and not outcome.retry:
        # What did not become healthy is not tried again; a port that was taken may be free by then.
        stack.hold_commit = outcome.commit
    if outcome.commit and not outcome.retry and not outcome.catch_up:
        stack.seen_commit = outcome.commit


def _learn_of_state(stack: Stack, run: Run, outcome: Outcome) -> None:
    """Remember what runs now, and the good state before it to go back to."""
    if outcome.healthy is not None:
        stack.healthy, stack.drift = outcome.healthy, {}
    elif stack.healthy is None and outcome.status == Status.FAILED:
        stack.healthy = False
    if outcome.applied is None:
        # A failed deploy that was not taken back: what runs is to be looked at, not to be healed.
        stack.left_failed = stack.left_failed or (outcome.healthy is False and not outcome.outcome)
        return
    stack.left_failed = False
    if outcome.applied_commit != stack.applied_commit and outcome.status != Status.SKIPPED:
        stack.previous = None if run.action == Action.ROLLBACK else stack.applied
    stack.applied_commit, stack.applied = outcome.applied_commit, outcome.applied


def _learn_of_control(session: Session, stack: Stack, action: Action) -> None:
    if action == Action.ROLLBACK:
        stack.hold_commit = stack.seen_commit
    if action in (Action.ROLLBACK, Action.HEAL):
        return
    stack.held = {Action.STOP: Held.STOPPED, Action.PAUSE: Held.PAUSED}.get(action)
    stack.healthy = stack.held is None and not stack.left_failed
    if stack.held is None and stack.catch_up and not stack.deleting:
        submit(session, stack, Action.DEPLOY, Trigger.RECOVERY)


def _tell(session: Session, run: Run) -> None:
    """Write the end of a run to the stack's log, and show it to followers."""
    text = json.dumps(entry_values(run))
    entry = LogLine(stack_id=run.stack_id, run_id=run.id, kind=LineKind.ENTRY, text=text)
    session.add(entry)
    session.flush()
    publish(session, run.stack_id, [(entry.id, frame(entry.id, LineKind.ENTRY, text))])


def entry_values(run: Run) -> dict[str, str]:
    """Return a finished run in the shape of the log: strings only, `status` one of two words."""
    good = run.status in (Status.SUCCEEDED, Status.SKIPPED)
    return {
        "run_at": (run.finished_at or run.created_at).isoformat(),
        "action": run.word,
        "status": "succeeded" if good else "failed",
        "message": run.message or "",
        "run": run.uuid,
        "trigger": run.trigger,
        "outcome": run.outcome or run.status,
        "commit": run.commit_after or "",
    }


def _prune(session: Session, stack_id: int, runs_kept: int) -> None:
    finished = (Run.stack_id == stack_id, Run.status.in_(FINISHED))
    newest = select(Run.id).where(*finished).order_by(Run.id.desc()).limit(1).offset(runs_kept)
    oldest_gone = session.scalar(newest)
    if oldest_gone is not None:
        session.execute(delete(Run).where(*finished, Run.id <= oldest_gone))


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
        useless = stack.deleting and run.action != Action.DELETE
        if not useless and not (pending and _does_the_same(pending[0], run.action)):
            again = _append(session, stack.id, run.action, _trigger_again(run))
            again.position, again.attempts = run.position, run.attempts
    finish(run, Outcome(Status.INTERRUPTED, reason), runs_kept)


def _trigger_again(run: Run) -> Trigger:
    return Trigger.RECOVERY if run.action in DEPLOYING else Trigger(run.trigger)

"""How a run ended, and what its stack learns of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from supervisor.runs.bell import queue_bell
from supervisor.runs.entries import tell
from supervisor.runs.policy import RETRIED
from supervisor.runs.queue import submit
from supervisor.store.database import writing
from supervisor.store.models import (
    DEPLOYING,
    FINISHED,
    Action,
    Held,
    Run,
    Stack,
    Status,
    Trigger,
    now,
)

RETRY_SECONDS = (15, 30, 60, 120, 300, 900)


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
        tell(session, run)
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


def _prune(session: Session, stack_id: int, runs_kept: int) -> None:
    finished = (Run.stack_id == stack_id, Run.status.in_(FINISHED))
    newest = select(Run.id).where(*finished).order_by(Run.id.desc()).limit(1).offset(runs_kept)
    oldest_gone = session.scalar(newest)
    if oldest_gone is not None:
        session.execute(delete(Run).where(*finished, Run.id <= oldest_gone))

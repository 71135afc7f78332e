"""How a run ended, and what its stack learns of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from supervisor.runs.bell import queue_bell
from supervisor.runs.entries import tell
from supervisor.runs.policy import is_repeated
from supervisor.runs.pruning import prune
from supervisor.runs.queue import catch_up
from supervisor.store.database import writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Blocked, Intent, Status

RETRY_SECONDS = (15, 30, 60, 120, 300, 900)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what that changes about its stack."""

    status: Status
    message: str
    commit: str | None = None
    retry: bool = False
    came_up: bool = True
    changed: bool = False
    """Whether it may have touched a container."""
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
        run.changed = outcome.changed
        _count(stack, run)
        _learn(session, stack, run, outcome)
        tell(session, run)
        prune(session, stack.id, runs_kept)
    queue_bell.ring()


def _count(stack: Stack, run: Run) -> None:
    stack.processed += 1
    stack.failed += run.status == Status.FAILED
    stack.last_run_at, stack.last_action, stack.last_status = run.finished_at, run.word, run.status


def _learn(session: Session, stack: Stack, run: Run, outcome: Outcome) -> None:
    """Bring the stack's own state in line with what the run did."""
    _learn_of_state(stack, run, outcome)
    if run.action.deploys:
        _learn_of_deploy(stack, outcome)
    elif outcome.status == Status.SUCCEEDED:
        _learn_of_control(session, stack, run.action)
    if outcome.retry and is_repeated(run.action):
        delay = RETRY_SECONDS[min(stack.retries, len(RETRY_SECONDS) - 1)]
        stack.retry_at = now() + timedelta(seconds=delay)
        stack.retries += 1
    else:
        stack.retries = 0


def _learn_of_deploy(stack: Stack, outcome: Outcome) -> None:
    if outcome.status == Status.SUCCEEDED:
        stack.unblock()
    elif outcome.outcome and outcome.commit and outcome.came_up and not outcome.retry:
        # What did not become healthy is not tried again; a port that was taken may be free by then.
        stack.block(outcome.commit, Blocked.FAILED)
    if outcome.commit and not outcome.retry:
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
        failed = stack.blocked_because if stack.blocked_commit == stack.seen_commit else None
        stack.block(stack.seen_commit, failed or Blocked.LEFT)
    if action in (Action.ROLLBACK, Action.HEAL):
        return
    stack.intent = {Action.STOP: Intent.STOPPED, Action.PAUSE: Intent.PAUSED}.get(action)
    stack.healthy = stack.intent is None and not stack.left_failed
    catch_up(session, stack)

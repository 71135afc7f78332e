"""Whether a run of a stack may begin now, later or never: decided here and nowhere else.

It is asked twice, in the transaction that knows the answer: when somebody asks for a run, and when
the run's turn has come. A deploy asks once more when it knows the commit.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from supervisor.store.models import Stack
from supervisor.store.words import Action, Intent, Trigger

PENDING_LIMIT = 20
VAIN_PAUSE = timedelta(seconds=1)
SUSPENDED = "Automatic runs of the stack are suspended: resume it"
OUT_OF_PLACE = {
    (Intent.STOPPED, Action.PAUSE): "The stack is stopped, there is nothing to pause",
    (Intent.STOPPED, Action.UNPAUSE): "The stack is stopped, not paused: start it",
    (None, Action.UNPAUSE): "The stack is not paused",
    (Intent.PAUSED, Action.START): "The stack is paused, not stopped: unpause it",
    (Intent.PAUSED, Action.RESTART): "The stack is paused: unpause it first",
}


class When(Enum):
    """When a run may begin."""

    NOW = auto()
    LATER = auto()
    NEVER = auto()


@dataclass(frozen=True)
class Decision:
    """When a run may begin, and why not at once."""

    when: When
    reason: str = ""


NOW = Decision(When.NOW)


@dataclass(frozen=True)
class Condition:
    """What of a stack decides about its runs."""

    intent: Intent | None = None
    deleting: bool = False
    suspended: bool = False
    left_failed: bool = False
    self_heal: bool = True
    is_deployed: bool = True
    has_way_back: bool = True
    blocked_commit: str | None = None
    is_running: bool = False
    """Whether a run of the stack goes on."""
    is_awaited: bool = False
    """Whether runs of the stack wait for their turn, which may change all of the above."""


def condition_of(stack: Stack, *, is_running: bool = False, is_awaited: bool = False) -> Condition:
    """Return a stack's condition, as its row has it now."""
    return Condition(
        intent=stack.intent,
        deleting=stack.deleting,
        suspended=stack.suspended,
        left_failed=stack.left_failed,
        self_heal=stack.self_heal,
        is_deployed=stack.applied is not None,
        has_way_back=(stack.applied if stack.left_failed else stack.previous) is not None,
        blocked_commit=stack.blocked_commit,
        is_running=is_running,
        is_awaited=is_awaited,
    )


def decide(condition: Condition, action: Action, trigger: Trigger) -> Decision:
    """Say when a run may begin: now, which is to say in its turn; later, or never."""
    if condition.deleting and action != Action.DELETE:
        return Decision(When.NEVER, "The stack is being deleted")
    if action == Action.DELETE:
        return NOW
    if condition.suspended and trigger.is_automatic:
        return Decision(When.LATER, SUSPENDED)
    if action == Action.HEAL and condition.is_running:
        return Decision(When.NEVER, "A run is at work: what was seen is out of date")
    if condition.is_running or condition.is_awaited:
        return NOW  # what comes before it may change the rest, so that is decided in its turn
    return _decide_in_turn(condition, action)


def _decide_in_turn(condition: Condition, action: Action) -> Decision:
    if action.deploys and condition.intent:
        return Decision(
            When.LATER, f"The stack is {condition.intent}: start or unpause it to deploy this"
        )
    reason = _refusal(condition, action)
    return Decision(When.NEVER, reason) if reason else NOW


def _refusal(condition: Condition, action: Action) -> str:
    match action:
        case Action.DEPLOY | Action.REDEPLOY:
            return ""
        case Action.ROLLBACK:
            return _refusal_of_rollback(condition)
        case Action.HEAL:
            return _refusal_of_heal(condition)
    if not condition.is_deployed:
        return f"Cannot {action}: nothing was deployed yet, send redeploy first"
    return OUT_OF_PLACE.get((condition.intent, action), "")


def _refusal_of_rollback(condition: Condition) -> str:
    if not condition.has_way_back:
        return "There is no earlier good commit to go back to"
    if condition.intent:
        return f"The stack is {condition.intent}: start or unpause it first"
    return ""


def _refusal_of_heal(condition: Condition) -> str:
    if condition.intent:
        return f"The stack is {condition.intent}"
    if not condition.self_heal:
        return "self_heal is off"
    if condition.left_failed:
        return "What runs is a deploy that failed: redeploy, or roll back"
    return "" if condition.is_deployed else "Nothing was deployed yet"


def decide_commit(condition: Condition, action: Action, trigger: Trigger, commit: str) -> Decision:
    """Say whether a commit may be deployed, once it is known.

    One that was taken back is left alone until a person asks for it.
    """
    by_person = action == Action.REDEPLOY or trigger == Trigger.API
    if commit == condition.blocked_commit and not by_person:
        return Decision(
            When.NEVER, f"{commit[:12]} was taken back: push a newer commit, or send redeploy"
        )
    return NOW


def is_new(stack: Stack, commit: str) -> bool:
    """Tell whether a commit that a poll found was neither deployed nor tried before."""
    return commit != stack.seen_commit


def joins(pending: Action, action: Action) -> bool:
    """Tell whether a pending run will do what is asked for."""
    return pending == action or (pending.deploys and action.deploys)


def is_limited(trigger: Trigger) -> bool:
    """Tell whether others may ask so often that there has to be a limit.

    What Supervisor itself queues is at most one run for each that ends.
    """
    return trigger in (Trigger.API, Trigger.WEBHOOK)


def is_repeated(action: Action) -> bool:
    """Tell whether a run is tried again after a failure that may pass."""
    return action.deploys or action == Action.DELETE

"""Every action, trigger and state: whether a run may begin now, later or never."""

from itertools import product

import pytest

from supervisor.runs.policy import (
    Condition,
    When,
    decide,
    decide_commit,
    is_limited,
    is_repeated,
    joins,
)
from supervisor.store.words import Action, Intent, Trigger

COMMIT, OTHER = "a" * 40, "b" * 40
NOW, LATER, NEVER = When.NOW, When.LATER, When.NEVER

STATES = {
    "free": Condition(),
    "running": Condition(is_running=True),
    "awaited": Condition(is_awaited=True),
    "suspended": Condition(suspended=True),
    "stopped": Condition(intent=Intent.STOPPED),
    "paused": Condition(intent=Intent.PAUSED),
    "failed": Condition(left_failed=True),
    "blocked": Condition(blocked_commit=COMMIT),
    "never deployed": Condition(is_deployed=False, has_way_back=False),
    "not healed": Condition(self_heal=False),
    "deleting": Condition(deleting=True),
    "stopped, and a run before it": Condition(intent=Intent.STOPPED, is_awaited=True),
    "suspended and stopped": Condition(suspended=True, intent=Intent.STOPPED),
    "suspended, and a run goes on": Condition(suspended=True, is_running=True),
}
# What each state says to an action, where it isn't "now"; by anybody, or without a person.
BY_ANYBODY = {
    "running": {Action.HEAL: NEVER},
    "stopped": {
        Action.DEPLOY: LATER,
        Action.REDEPLOY: LATER,
        Action.ROLLBACK: NEVER,
        Action.PAUSE: NEVER,
        Action.UNPAUSE: NEVER,
        Action.HEAL: NEVER,
    },
    "paused": {
        Action.DEPLOY: LATER,
        Action.REDEPLOY: LATER,
        Action.ROLLBACK: NEVER,
        Action.START: NEVER,
        Action.RESTART: NEVER,
        Action.HEAL: NEVER,
    },
    "failed": {Action.HEAL: NEVER},
    "never deployed": dict.fromkeys([*Action][2:9], NEVER),  # from start to heal
    "not healed": {Action.HEAL: NEVER},
    "deleting": {action: NEVER for action in Action if action is not Action.DELETE},
    "suspended, and a run goes on": {Action.HEAL: NEVER},
}
BY_ANYBODY["suspended and stopped"] = BY_ANYBODY["stopped"]
for state in ("free", "awaited", "suspended", "blocked", "never deployed", "not healed"):
    BY_ANYBODY.setdefault(state, {})
for state in ("free", "failed", "blocked", "suspended", "not healed"):
    BY_ANYBODY[state][Action.UNPAUSE] = NEVER  # nothing is paused


def expected(state: str, action: Action, trigger: Trigger) -> When:
    """Return what the tables above say."""
    suspended = state.startswith("suspended")
    if suspended and trigger is not Trigger.API and action is not Action.DELETE:
        return LATER
    return BY_ANYBODY.get(state, {}).get(action, NOW)


@pytest.mark.parametrize("state", STATES)
def test_the_table(state: str) -> None:
    for action, trigger in product(Action, Trigger):
        decision = decide(STATES[state], action, trigger)
        assert decision.when is expected(state, action, trigger), (action, trigger)
        assert bool(decision.reason) == (decision.when is not NOW)


@pytest.mark.parametrize("state", STATES)
def test_a_teardown_may_always_begin(state: str) -> None:
    for trigger in Trigger:
        assert decide(STATES[state], Action.DELETE, trigger).when is NOW


@pytest.mark.parametrize("state", [state for state in STATES if state != "deleting"])
def test_nothing_that_deploys_is_dropped_unless_the_stack_goes(state: str) -> None:
    for action, trigger in product((Action.DEPLOY, Action.REDEPLOY), Trigger):
        assert decide(STATES[state], action, trigger).when in (NOW, LATER)


def test_a_blocked_commit_waits_for_a_person() -> None:
    condition = STATES["blocked"]
    for action, trigger in product(Action, Trigger):
        by_person = trigger is Trigger.API or action is Action.REDEPLOY
        when = decide_commit(condition, action, trigger, COMMIT).when
        assert when is (NOW if by_person else NEVER)
        assert decide_commit(condition, action, trigger, OTHER).when is NOW


def test_deploys_join_each_other_and_others_their_like() -> None:
    for pending, action in product(Action, Action):
        assert joins(pending, action) == (pending == action or (pending.deploys and action.deploys))


def test_what_supervisor_queues_itself_has_no_limit() -> None:
    assert {trigger for trigger in Trigger if is_limited(trigger)} == {
        Trigger.API,
        Trigger.WEBHOOK,
    }


def test_what_is_tried_again_by_itself() -> None:
    assert {action for action in Action if is_repeated(action)} == {
        Action.DEPLOY,
        Action.REDEPLOY,
        Action.DELETE,
    }

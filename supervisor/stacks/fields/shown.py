"""What is shown of a stack beside its fields."""

from marshmallow import fields

from supervisor.stacks.fields.answers import ACTIONS, Answer, ByService, Commit, Count, Time, Word
from supervisor.store.words import Intent, Status, Strategy

STATES = ("active", *Intent, "deleting")


class ConditionSchema(Answer):
    """What became of a stack; a GET shows it together with the fields."""

    former_secret_until = Time(allow_none=True)
    project = fields.String(metadata={"description": "The name of its Compose project."})
    state = Word(STATES, metadata={"description": "What a person told it to be."})
    suspended = fields.Boolean()
    suspended_reason = fields.String(allow_none=True)
    suspended_until = Time(allow_none=True)
    held_commit = Commit(
        "What was taken back, and waits.", attribute="blocked_commit", allow_none=True
    )
    healthy = fields.Boolean(allow_none=True)
    drift = ByService("container is missing")
    commit = Commit(attribute="applied_commit", allow_none=True)
    last_run = Time(attribute="last_run_at", allow_none=True)
    last_status = Word(Status, allow_none=True)
    last_check = Time(attribute="checked_at", allow_none=True)
    next_check = Time(attribute="check_at", allow_none=True)
    check_failures = Count()
    check_error = fields.String(allow_none=True)
    created_at = Time()
    updated_at = Time()


class StackOverviewSchema(Answer):
    """A stack in the list of all; `view.overview_values` makes it, since they may be many."""

    name = fields.String()
    uuid = fields.UUID()
    strategy = Word(Strategy)
    state = Word(STATES)
    suspended = fields.Boolean()
    healthy = fields.Boolean(allow_none=True)
    commit = Commit(allow_none=True)
    last_run = Time(allow_none=True)
    last_action = Word(ACTIONS, allow_none=True)
    last_status = Word(Status, allow_none=True)


class FiguresSchema(Answer):
    """How often a stack ran and failed, and how its checks fare."""

    uuid = fields.UUID()
    processed = Count()
    failed = Count()
    last_run = Time(attribute="last_run_at", allow_none=True)
    last_action = Word(ACTIONS, allow_none=True)
    last_status = Word(Status, allow_none=True)
    last_check = Time(attribute="checked_at", allow_none=True)
    next_check = Time(attribute="check_at", allow_none=True)
    check_failures = Count()
    check_error = fields.String(allow_none=True)
    next_retry = Time(attribute="retry_at", allow_none=True)
    retries = Count()


CONDITION, FIGURES = ConditionSchema(), FiguresSchema()

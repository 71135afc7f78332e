"""Runs, and how the log tells of them."""

from marshmallow import fields

from supervisor.stacks.fields.answers import ACTIONS, Answer, ByService, Commit, Count, Time, Word
from supervisor.store.words import Status, Trigger

OUTCOMES = ("rolled_back", "rollback_failed", "cancelled")


class RunSchema(Answer):
    """A run without its output."""

    uuid = fields.UUID()
    action = Word(ACTIONS, attribute="word")
    trigger = Word(Trigger)
    status = Word(Status)
    step = fields.String(allow_none=True, metadata={"examples": ["gate"]})
    message = fields.String(
        allow_none=True, metadata={"examples": ["Deployed refs/heads/main at 3f2a9c0d1e5b"]}
    )
    outcome = Word(OUTCOMES, allow_none=True)
    reasons = ByService()
    commit_before = Commit(allow_none=True)
    commit_after = Commit(allow_none=True)
    requests = Count()
    attempts = Count()
    created_at = Time()
    started_at = Time(allow_none=True)
    finished_at = Time(allow_none=True)


class RunWithOutputSchema(RunSchema):
    """A run with what it printed."""

    output = fields.List(fields.String())


class RunsSchema(Answer):
    """A page of runs; `next` is what the next page is asked for with."""

    runs = fields.Nested(RunSchema, many=True)
    next = fields.UUID(allow_none=True)


class EntrySchema(Answer):
    """A finished run in the shape of the log, see `runs.entries.entry_values`: texts only."""

    run_at = Time()
    action = Word(ACTIONS)
    status = Word(["succeeded", "failed"])
    message = fields.String()
    run = fields.UUID()
    trigger = Word(Trigger)
    outcome = Word([*OUTCOMES, *Status])
    commit = fields.String(metadata={"pattern": "^([0-9a-f]{40})?$"})

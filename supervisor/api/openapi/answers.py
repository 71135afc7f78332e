"""What the answers look like. Tests compare them with what the service answers."""

from typing import Any

from supervisor.api.control import AT_ONCE, LONGEST_REASON, RUNS
from supervisor.diagnostics.problems import CHECKS
from supervisor.store.models import Action, DeliveryResult, Intent, Status, Strategy, Trigger

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-01-31T12:00:00.123Z"],
}
COMMIT: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
BY_SERVICE: Schema = {
    "type": "object",
    "additionalProperties": TEXT,
    "examples": [{"web": "bind mount ./nginx.conf changed"}],
}
OUTCOMES = ["rolled_back", "rollback_failed", "cancelled"]
# A deploy that a commit asked for is named after what noticed the commit.
WORDS = [*Action, Trigger.WEBHOOK, Trigger.POLLING]


def or_null(schema: Schema) -> Schema:
    """Return a schema that takes null too."""
    with_null: Schema = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        with_null["enum"] = [*schema["enum"], None]
    return with_null


def one_of(words: Any) -> Schema:
    """Return a schema for one of a few words."""
    return {"type": "string", "enum": [str(word) for word in words]}


def strict(properties: dict[str, Schema], **more: Any) -> Schema:
    """Return an object that has all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def reference(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(name: str) -> Schema:
    """Return a list of one of the schemas."""
    return {"type": "array", "items": reference(name)}


STATE = one_of(["active", *Intent, "deleting"])
LAST_STATUS = or_null(one_of(Status))
LAST_ACTION = or_null(one_of(WORDS))
CHECKED: dict[str, Schema] = {
    "last_check": or_null(TIME),
    "next_check": or_null(TIME),
    "check_failures": COUNT,
    "check_error": or_null(TEXT),
}
SHOWN_STACK: dict[str, Schema] = {
    "uuid": UUID,
    "former_secret_until": or_null(TIME),
    "project": TEXT | {"description": "The name of its Compose project."},
    "state": STATE | {"description": "What a person told it to be."},
    "suspended": FLAG,
    "suspended_reason": or_null(TEXT),
    "suspended_until": or_null(TIME),
    "held_commit": or_null(COMMIT | {"description": "What was taken back, and waits."}),
    "healthy": or_null(FLAG),
    "drift": BY_SERVICE | {"examples": [{"web": "container is missing"}]},
    "commit": or_null(COMMIT),
    "last_run": or_null(TIME),
    "last_status": LAST_STATUS,
    **CHECKED,
    "created_at": TIME,
    "updated_at": TIME,
}
RUN: dict[str, Schema] = {
    "uuid": UUID,
    "action": one_of(WORDS),
    "trigger": one_of(Trigger),
    "status": one_of(Status),
    "step": or_null(TEXT | {"examples": ["gate"]}),
    "message": or_null(TEXT | {"examples": ["Deployed refs/heads/main at 3f2a9c0d1e5b"]}),
    "outcome": or_null(one_of(OUTCOMES)),
    "reasons": BY_SERVICE,
    "commit_before": or_null(COMMIT),
    "commit_after": or_null(COMMIT),
    "requests": COUNT,
    "attempts": COUNT,
    "created_at": TIME,
    "started_at": or_null(TIME),
    "finished_at": or_null(TIME),
}
OVERVIEW: dict[str, Schema] = {
    "name": TEXT,
    "uuid": UUID,
    "strategy": one_of(Strategy),
    "state": STATE,
    "suspended": FLAG,
    "healthy": or_null(FLAG),
    "commit": or_null(COMMIT),
    "last_run": or_null(TIME),
    "last_action": LAST_ACTION,
    "last_status": LAST_STATUS,
}
FIGURES: dict[str, Schema] = {
    "uuid": UUID,
    "processed": COUNT,
    "failed": COUNT,
    "last_run": or_null(TIME),
    "last_action": LAST_ACTION,
    "last_status": LAST_STATUS,
    **CHECKED,
    "next_retry": or_null(TIME),
    "retries": COUNT,
}
ENTRY: dict[str, Schema] = {
    "run_at": TIME,
    "action": one_of(WORDS),
    "status": one_of(["succeeded", "failed"]),
    "message": TEXT,
    "run": UUID,
    "trigger": one_of(Trigger),
    "outcome": one_of([*OUTCOMES, *Status]),
    "commit": {"type": "string", "pattern": "^([0-9a-f]{40})?$"},
}
DELIVERY: dict[str, Schema] = {
    "at": TIME,
    "forge": TEXT,
    "event": TEXT,
    "references": or_null(TEXT),
    "delivery_id": or_null(TEXT),
    "who": or_null(TEXT),
    "result": one_of(DeliveryResult),
    "reason": or_null(TEXT),
    "run": or_null(UUID),
    "count": COUNT,
}
COMMAND: dict[str, Schema] = {
    "command": one_of([*RUNS, *AT_ONCE]),
    "reason": or_null(TEXT | {"maxLength": LONGEST_REASON, "pattern": r"^[^\u0000]*$"})
    | {"description": "For `suspend`."},
    "until": or_null(TIME) | {"description": "For `suspend`."},
}
SCHEMAS: dict[str, Schema] = {
    "StackOverview": strict(OVERVIEW),
    "Figures": strict(FIGURES),
    "Run": strict(RUN),
    "RunWithOutput": strict(RUN | {"output": {"type": "array", "items": TEXT}}),
    "Runs": strict({"runs": list_of("Run"), "next": or_null(UUID)}),
    "Entry": strict(ENTRY),
    "Event": {
        "type": "object",
        "description": "One of the server-sent events.",
        "properties": {
            "event": one_of(["output", "message", "close"]),
            "id": {"type": "string", "pattern": "^[0-9]+$"},
            "data": TEXT | {"contentMediaType": "application/json"},
        },
    },
    "Delivery": strict(DELIVERY),
    "Deliveries": strict({"deliveries": list_of("Delivery")}),
    "Command": {
        "type": "object",
        "properties": COMMAND,
        "required": ["command"],
        "examples": [
            {"command": "restart"},
            {"command": "suspend", "reason": "we move house", "until": "2030-01-31T12:00:00Z"},
        ],
    },
    "PlanWish": {
        "type": "object",
        "properties": {"commit": or_null(COMMIT)},
        "examples": [{"commit": "3f2a9c0d1e5b7a6d4c3b2a190f8e7d6c5b4a3921"}],
    },
    "Plan": strict(
        {
            "commit": COMMIT,
            "present_commit": or_null(COMMIT),
            "commits": {
                "type": "array",
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "properties": {"commit": COMMIT, "author": TEXT, "at": TIME, "subject": TEXT},
                },
            },
            "created": BY_SERVICE,
            "recreated": BY_SERVICE,
            "removed": {"type": "array", "items": TEXT},
            "unchanged": {"type": "array", "items": TEXT},
        }
    ),
    "Accepted": strict(
        {"message": TEXT, "run": UUID},
        examples=[{"message": "Webhook received", "run": "0b7d3c1e-6f5a-4f0e-9a53-0d6a3a1f2c44"}],
    ),
    "Ignored": strict({"message": or_null(TEXT), "result": one_of(DeliveryResult)}),
    "AcceptedForAll": strict(
        {
            "message": TEXT,
            "stacks": {
                "type": "array",
                "items": strict(
                    {
                        "uuid": UUID,
                        "name": TEXT,
                        "result": one_of(DeliveryResult),
                        "reason": or_null(TEXT),
                        "run": or_null(UUID),
                    }
                ),
            },
        }
    ),
    "Well": strict(
        {
            "code": {"type": "integer", "const": 200},
            "status": strict({name: {"type": "string", "const": "ok"} for name in CHECKS}),
        }
    ),
    "NotWell": strict(
        {
            "code": {"type": "integer", "const": 503},
            "errors": {
                "type": "array",
                "minItems": 1,
                "items": strict({"name": one_of(CHECKS), "exception": TEXT, "message": TEXT}),
            },
        }
    ),
    "Error": strict({"error": TEXT}, examples=[{"error": "Stack not found"}]),
    "Invalid": strict(
        {
            "error": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "array", "minItems": 1, "items": TEXT},
            }
        },
        description="Which fields are wrong, and why; nothing was changed.",
        examples=[{"error": {"name": ["can't be blank"]}}],
    ),
}

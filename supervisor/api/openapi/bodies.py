"""What is described by hand: the bodies of requests that no schema checks, and events."""

from typing import Any

from supervisor.api.control import AT_ONCE, LONGEST_REASON, RUNS

COMMIT = {"type": ["string", "null"], "pattern": "^[0-9a-f]{40}$"}
COMMAND: dict[str, Any] = {
    "command": {"type": "string", "enum": [*RUNS, *AT_ONCE]},
    "reason": {
        "type": ["string", "null"],
        "maxLength": LONGEST_REASON,
        "pattern": r"^[^\u0000]*$",
        "description": "For `suspend`.",
    },
    "until": {
        "type": ["string", "null"],
        "format": "date-time",
        "examples": ["2026-01-31T12:00:00.123Z"],
        "description": "For `suspend`.",
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Event": {
        "type": "object",
        "description": "One of the server-sent events.",
        "properties": {
            "event": {"type": "string", "enum": ["output", "message", "close"]},
            "id": {"type": "string", "pattern": "^[0-9]+$"},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    },
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
        "properties": {"commit": COMMIT},
        "examples": [{"commit": "3f2a9c0d1e5b7a6d4c3b2a190f8e7d6c5b4a3921"}],
    },
}

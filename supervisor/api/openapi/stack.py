"""A stack's fields as they are taken and shown, from the schemas that check and show them."""

from typing import Any

from apispec import APISpec

from supervisor.api.openapi.converter import Converter
from supervisor.api.openapi.parts import UUID
from supervisor.stacks.fields.schema import FIELDS, NEEDED
from supervisor.stacks.fields.shown import CONDITION
from supervisor.store.words import Strategy

REQUIRED = [name for name, field in FIELDS.items() if field.required]
EXAMPLE = {
    name: FIELDS[name].metadata["examples"][0] for name in (*REQUIRED, *NEEDED[Strategy.POLLING])
}


def schemas(spec: APISpec) -> dict[str, dict[str, Any]]:
    """Return what creates a stack, what changes one, and what is shown of one."""
    described = Converter(spec.openapi_version, lambda _schema: None, spec).field2property
    fields = {name: described(field) for name, field in FIELDS.items()}
    shown = {"uuid": UUID} | {name: described(field) for name, field in CONDITION.fields.items()}
    read_only: dict[str, Any] = {name: each | {"readOnly": True} for name, each in shown.items()}
    new = {
        "type": "object",
        "properties": fields,
        "required": REQUIRED,
        "additionalProperties": False,
        "anyOf": [_by_strategy(name, needed) for name, needed in NEEDED.items()],
        "examples": [EXAMPLE],
    }
    change = {
        "type": "object",
        "description": "What is given is changed, the rest stays. What is only shown may be sent"
        " back, and is ignored.",
        "properties": fields | read_only,
        "additionalProperties": False,
        "examples": [{"git_reference": "refs/tags/v2"}],
    }
    readable = {name: field for name, field in fields.items() if not field.get("writeOnly")}
    whole = {
        "type": "object",
        "properties": readable | read_only,
        "required": [*readable, *read_only],
        "additionalProperties": False,
    }
    return {"NewStack": new, "StackChange": change, "Stack": whole}


def _by_strategy(strategy: Strategy, needed: tuple[str, ...]) -> dict[str, Any]:
    """Return which fields a strategy needs, and that they may not be null then."""
    given = {name: {"not": {"type": "null"}} for name in needed}
    return {
        "title": strategy.value,
        "properties": {"strategy": {"const": strategy.value}, **given},
        "required": ["strategy", *needed],
    }

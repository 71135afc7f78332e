"""From a request's fields to values for storage: masks, read-only fields, what is there already."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from supervisor.errors import StackInvalid
from supervisor.stacks import vault
from supervisor.stacks.fields.schema import StackSchema, consistent, is_mask, load
from supervisor.stacks.view import stack_values
from supervisor.store.models import Stack, row_values

NO_VALUE = "is masked, but there is no former value"


def new_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a new stack; raise StackInvalid."""
    unmasked = _unmask(given, {})
    values = load(unmasked, partial=False)
    consistent(values)
    return values


def changed_values(stack: Stack, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields that a request changes, alone and with the rest; raise StackInvalid."""
    present = row_values(stack) | asdict(vault.secrets_of(stack))
    fields = _without_read_only(given, stack)
    values = load(_unmask(fields, present), partial=True)
    consistent(present | values)
    return values


def _without_read_only(given: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """Ignore what a GET shows beside the fields, so that it can be edited and PUT."""
    shown = set(stack_values(stack)) - set(StackSchema().fields)
    if "uuid" in given and given["uuid"] != stack.uuid:
        raise StackInvalid({"uuid": ["can't be changed"]})
    return {name: value for name, value in given.items() if name not in shown}


def _unmask(given: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """Put the former value where its mask came back; raise StackInvalid where there is none."""
    fields = dict(given)
    for name in ("git_token", "git_ssh_key", "signature_secret"):
        if is_mask(fields.get(name)):
            fields[name] = _former(present.get(name), name)
    variables = fields.get("compose_variables")
    if isinstance(variables, dict):
        former = present.get("compose_variables") or {}
        fields["compose_variables"] = {
            name: _former(former.get(name), "compose_variables", f"{name!r} ")
            if is_mask(value)
            else value
            for name, value in variables.items()
        }
    return fields


def _former(value: str | None, field: str, what: str = "") -> str:
    if value is None:
        raise StackInvalid({field: [what + NO_VALUE]})
    return value

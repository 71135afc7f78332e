"""From a request's fields to values for storage: masks, read-only fields, what is there already."""

from collections.abc import Mapping
from typing import Any

from supervisor.errors import StackInvalid
from supervisor.stacks.fields.schema import FIELDS, SECRET_FIELDS, consistent, load
from supervisor.stacks.fields.shown import CONDITION


def new_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of a new stack; raise StackInvalid."""
    values = load(_unmask(given, {}), partial=False)
    consistent(values)
    return values


def changed_values(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields that a request changes, alone and with the rest; raise StackInvalid.

    `present` is all that the stack has, by name and decrypted.
    """
    fields = _without_read_only(given, present["uuid"])
    values = load(_unmask(fields, present), partial=True)
    consistent({**present, **values})
    return values


def _without_read_only(given: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    """Ignore what a GET shows beside the fields, so that it can be edited and PUT."""
    if "uuid" in given and given["uuid"] != uuid:
        raise StackInvalid({"uuid": ["can't be changed"]})
    return {name: value for name, value in given.items() if name not in ("uuid", *CONDITION.fields)}


def _unmask(given: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """Put the former value where its mask came back; raise StackInvalid where there is none."""
    fields = dict(given)
    for name in SECRET_FIELDS:
        if name in fields:
            fields[name] = FIELDS[name].unmasked(fields[name], present.get(name))
    return fields

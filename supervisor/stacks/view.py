"""A stack as the API shows it."""

from collections.abc import Sequence
from typing import Any

from supervisor.stacks import vault
from supervisor.stacks.fields.answers import time_text
from supervisor.stacks.fields.schema import SCHEMA
from supervisor.stacks.fields.shown import CONDITION, FIGURES
from supervisor.store.models import Stack


def stack_values(stack: Stack) -> dict[str, Any]:
    """Return a stack in full: what its user chose, secrets as asterisks, and what became of it."""
    state = state_of(stack.intent, deleting=stack.deleting)
    values = vault.values_of(stack) | {"state": state}
    return {"uuid": stack.uuid, **SCHEMA.dump(values), **CONDITION.dump(values)}


def overview_values(row: Sequence[Any]) -> dict[str, Any]:
    """Return what a list shows of a stack, from a row of `catalogue.OVERVIEW`.

    Taken apart at once: to look up each value by its name would take twice as long.
    """
    name, uuid, strategy, deleting, held, suspended, healthy, commit, last_run, action, status = row
    return {
        "name": name,
        "uuid": uuid,
        "strategy": strategy,
        "state": state_of(held, deleting=deleting),
        "suspended": suspended,
        "healthy": healthy,
        "commit": commit,
        "last_run": time_text(last_run),
        "last_action": action,
        "last_status": status,
    }


def stats_values(stack: Stack) -> dict[str, Any]:
    """Return a stack's figures: nobody should find out late that its checks stopped."""
    figures: dict[str, Any] = FIGURES.dump(stack)
    return figures


def state_of(held: str | None, *, deleting: bool) -> str:
    """Return what a person told a stack to be: active, stopped, paused or deleting."""
    return "deleting" if deleting else str(held or "active")

"""What a request changes of a stack: worked out before anything is locked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from supervisor.stacks import vault
from supervisor.stacks.fields.input import changed_values
from supervisor.stacks.fields.schema import COLUMNS, SECRET_FIELDS
from supervisor.store.models import Stack, now, row_values

OVERLAP = "signature_secret_overlap"


@dataclass(frozen=True)
class Changes:
    """Which fields get another value, and what to write for that; its secrets are encrypted."""

    names: frozenset[str]
    columns: Mapping[str, Any]


def changes_of(stack: Stack, given: Mapping[str, Any]) -> Changes:
    """Decrypt, check and encrypt what a request gives for a stack as it was read.

    Raise StackInvalid.
    """
    secrets = vault.secrets_of(stack)
    present = row_values(stack) | dict(secrets)
    values = changed_values(present, given)
    stored = {name: values[name] for name in (*COLUMNS, *SECRET_FIELDS) if name in values}
    fresh = {name: value for name, value in stored.items() if value != present[name]}
    names = frozenset(fresh)
    if "signature_secret" in names:
        overlap = values.get(OVERLAP) or 0
        fresh[vault.FORMER] = secrets.signature_secret if overlap else None
        fresh["former_secret_until"] = now() + timedelta(seconds=overlap) if overlap else None
    kept = {name: fresh.pop(name, value) for name, value in secrets.items()}
    return Changes(names, {**fresh, "sealed": vault.seal_secrets(stack.uuid, kept)})


def is_as_read(present: Stack, read: Stack) -> bool:
    """Tell whether a stack still has the fields and the secrets that changes were made for."""
    return all(getattr(present, name) == getattr(read, name) for name in (*COLUMNS, "sealed"))

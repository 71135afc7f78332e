"""A stack as the API shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from supervisor.security.redact import MASK
from supervisor.stacks import vault
from supervisor.stacks.secret_names import is_secret
from supervisor.store.models import Stack


def time_text(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def stack_values(stack: Stack) -> dict[str, Any]:
    """Return a stack in full, its secrets as asterisks."""
    return {"uuid": stack.uuid, **_settings(stack), **_condition(stack)}


def _settings(stack: Stack) -> dict[str, Any]:
    """Return what its user chose."""
    secrets = vault.secrets_of(stack)
    return {
        "name": stack.name,
        "git_repository": stack.git_repository,
        "git_reference": stack.git_reference,
        "git_username": stack.git_username,
        "git_token": MASK if secrets.git_token else None,
        "git_ssh_key": MASK if secrets.git_ssh_key else None,
        "git_known_hosts": stack.git_known_hosts,
        "submodules": stack.submodules,
        "shallow": stack.shallow,
        "compose_file": stack.compose_file,
        "compose_includes": stack.compose_includes,
        "compose_variables": {
            name: MASK if is_secret(name, value) else value
            for name, value in secrets.compose_variables.items()
        },
        "strategy": stack.strategy,
        "polling_interval": stack.polling_interval,
        "signature_header": stack.signature_header,
        "signature_secret": MASK if secrets.signature_secret else None,
        "health_timeout": stack.health_timeout,
        "rollback": stack.rollback,
        "self_heal": stack.self_heal,
    }


def _condition(stack: Stack) -> dict[str, Any]:
    """Return what became of it."""
    return {
        "former_secret_until": time_text(stack.former_secret_until),
        "project": stack.project,
        "state": state_of(stack.intent, deleting=stack.deleting),
        "suspended": stack.suspended,
        "suspended_reason": stack.suspended_reason,
        "suspended_until": time_text(stack.suspended_until),
        "held_commit": stack.blocked_commit,
        "healthy": stack.healthy,
        "drift": stack.drift,
        "commit": stack.applied_commit,
        "last_run": time_text(stack.last_run_at),
        "last_status": stack.last_status,
        **check_values(stack),
        "created_at": time_text(stack.created_at),
        "updated_at": time_text(stack.updated_at),
    }


def overview_values(row: Sequence[Any]) -> dict[str, Any]:
    """Return what a list shows of a stack, from a row of `stacks.OVERVIEW`.

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
    """Return a stack's figures."""
    return {
        "uuid": stack.uuid,
        "processed": stack.processed,
        "failed": stack.failed,
        "last_run": time_text(stack.last_run_at),
        "last_action": stack.last_action,
        "last_status": stack.last_status,
        **check_values(stack),
        "next_retry": time_text(stack.retry_at),
        "retries": stack.retries,
    }


def check_values(stack: Stack) -> dict[str, Any]:
    """Return how a stack's checks fare: nobody should find out late that they stopped."""
    return {
        "last_check": time_text(stack.checked_at),
        "next_check": time_text(stack.check_at),
        "check_failures": stack.check_failures,
        "check_error": stack.check_error,
    }


def state_of(held: str | None, *, deleting: bool) -> str:
    """Return what a person told a stack to be: active, stopped, paused or deleting."""
    return "deleting" if deleting else str(held or "active")

"""What is encrypted of a stack: its secrets, and the states that hold its variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from supervisor.crypto import Cipher
from supervisor.database import reading, writing
from supervisor.models import Seal, Stack, now

SECRET_FIELDS = ("git_token", "git_ssh_key", "signature_secret", "compose_variables")
FORMER = "former_signature_secret"


@dataclass(frozen=True)
class StackSecrets:
    """What is encrypted of a stack."""

    git_token: str | None = field(default=None, repr=False)
    git_ssh_key: str | None = field(default=None, repr=False)
    signature_secret: str | None = field(default=None, repr=False)
    compose_variables: dict[str, str] = field(default_factory=dict, repr=False)
    former_signature_secret: str | None = field(default=None, repr=False)


def cipher() -> Cipher:
    """Return the cipher of the running app."""
    found: Cipher = current_app.extensions["supervisor_cipher"]
    return found


def secrets_of(stack: Stack) -> StackSecrets:
    """Decrypt a stack's secrets; raise WrongKey."""
    return StackSecrets(**json.loads(cipher().open(stack.sealed, stack.uuid)))


def signature_secrets(stack: Stack) -> list[str]:
    """Return the secrets that are valid now: the stack's own, and a former one for its time."""
    kept = secrets_of(stack)
    secrets = [kept.signature_secret]
    if stack.former_secret_until is not None and stack.former_secret_until > now():
        secrets.append(kept.former_signature_secret)
    return [secret for secret in secrets if secret]


def seal_state(uuid: str, state: bytes) -> bytes:
    """Encrypt what a stack runs; it holds variables."""
    return cipher().seal(state, f"state of {uuid}")


def open_state(uuid: str, sealed: bytes) -> bytes:
    """Decrypt what `seal_state` made; raise WrongKey."""
    return cipher().open(sealed, f"state of {uuid}")


def check_key() -> None:
    """Make sure that the key opens what is stored; raise WrongKey, change nothing."""
    with reading() as session:
        seal = session.get(Seal, 1)
    if seal:
        cipher().open(seal.canary, "canary")
        return
    with writing() as session:
        session.add(Seal(cipher().seal(b"supervisor", "canary")))


def seal_secrets(uuid: str, secrets: Mapping[str, Any]) -> bytes:
    """Encrypt a stack's secrets, bound to the stack."""
    return cipher().seal(json.dumps(secrets).encode(), uuid)

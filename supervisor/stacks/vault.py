"""What is encrypted of a stack: its secrets, and the states that hold its variables."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from supervisor.security.crypto import Cipher
from supervisor.settings.parts import part_of
from supervisor.stacks.fields.schema import FIELDS, SECRET_FIELDS
from supervisor.store.database import reading, writing
from supervisor.store.models import Seal, Stack, now, row_values

FORMER = "former_signature_secret"
DIGEST_KEY = "digest_key"
NAMES = (*SECRET_FIELDS, FORMER, DIGEST_KEY)


class StackSecrets(Mapping[str, Any]):
    """What is encrypted of a stack: its secret fields by their names, and what goes with them.

    Each is an attribute too. They don't show when this is printed.
    """

    def __init__(self, kept: Mapping[str, Any]) -> None:
        empty = {name: FIELDS[name].empty() for name in SECRET_FIELDS}
        self._kept = {**dict.fromkeys(NAMES), **empty, **kept}

    def __getitem__(self, name: str) -> Any:
        return self._kept[name]

    def __getattr__(self, name: str) -> Any:
        if name in NAMES:
            return self._kept[name]
        raise AttributeError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def cipher() -> Cipher:
    """Return the cipher of the running app."""
    return part_of(Cipher)


def secrets_of(stack: Stack) -> StackSecrets:
    """Decrypt a stack's secrets; raise WrongKey."""
    return StackSecrets(json.loads(cipher().open(stack.sealed, stack.uuid)))


def values_of(stack: Stack) -> dict[str, Any]:
    """Return all that is stored of a stack by name, its secrets decrypted; raise WrongKey."""
    return row_values(stack) | dict(secrets_of(stack))


def signature_secrets(stack: Stack) -> list[str]:
    """Return the secrets that are valid now: the stack's own, and a former one for its time."""
    kept = secrets_of(stack)
    secrets = [kept.signature_secret]
    if stack.former_secret_until is not None and stack.former_secret_until > now():
        secrets.append(kept.former_signature_secret)
    return [secret for secret in secrets if secret]


def digest_key(stack: Stack, secrets: StackSecrets) -> bytes:
    """Return the key for digests of what must not be guessed.

    It stays the same when the secret key base changes, or all services would look changed.
    """
    kept = secrets.digest_key
    return bytes.fromhex(kept) if kept else cipher().key_for(stack.uuid)


def seal_state(uuid: str, state: bytes, by: Cipher | None = None) -> bytes:
    """Encrypt what a stack runs, by the running app's cipher or another; it holds variables."""
    return (by or cipher()).seal(state, f"state of {uuid}")


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
        session.add(Seal(canary(cipher())))


def canary(by: Cipher) -> bytes:
    """Encrypt what only tells whether a key is the right one."""
    return by.seal(b"supervisor", "canary")


def seal_secrets(uuid: str, secrets: Mapping[str, Any], by: Cipher | None = None) -> bytes:
    """Encrypt a stack's secrets, bound to the stack, by the running app's cipher or another."""
    return (by or cipher()).seal(json.dumps(secrets).encode(), uuid)

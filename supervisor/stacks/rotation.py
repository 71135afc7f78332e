"""Encrypts all that is secret for another key."""

from sqlalchemy import select

from supervisor import failpoints
from supervisor.security.crypto import Cipher
from supervisor.stacks import vault
from supervisor.store.database import writing
from supervisor.store.models import Seal, Stack


def encrypt_for(new: Cipher) -> int:
    """Encrypt everything anew, all or nothing; return of how many stacks; raise WrongKey."""
    with writing() as session:
        stacks = session.scalars(select(Stack)).all()
        for stack in stacks:
            secrets = vault.secrets_of(stack)
            kept = {**secrets, vault.DIGEST_KEY: vault.digest_key(stack, secrets).hex()}
            stack.sealed = vault.seal_secrets(stack.uuid, kept, new)
            stack.applied = _moved(stack.uuid, stack.applied, new)
            stack.previous = _moved(stack.uuid, stack.previous, new)
        session.get_one(Seal, 1).canary = vault.canary(new)
        session.flush()
        failpoints.reach("rotate")
    return len(stacks)


def _moved(uuid: str, sealed: bytes | None, new: Cipher) -> bytes | None:
    return vault.seal_state(uuid, vault.open_state(uuid, sealed), new) if sealed else None

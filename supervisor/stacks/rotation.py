"""Encrypts all that is secret for another key."""

import json

from sqlalchemy import select

from supervisor import failpoints
from supervisor.security.crypto import Cipher
from supervisor.stacks.vault import DIGEST_KEY, digest_key, open_state, secrets_of
from supervisor.store.database import writing
from supervisor.store.models import Seal, Stack


def encrypt_for(new: Cipher) -> int:
    """Encrypt everything anew, all or nothing; return of how many stacks; raise WrongKey."""
    with writing() as session:
        stacks = session.scalars(select(Stack)).all()
        for stack in stacks:
            secrets = secrets_of(stack)
            kept = {**secrets, DIGEST_KEY: digest_key(stack, secrets).hex()}
            stack.sealed = new.seal(json.dumps(kept).encode(), stack.uuid)
            stack.applied = _moved(stack.uuid, stack.applied, new)
            stack.previous = _moved(stack.uuid, stack.previous, new)
        session.get_one(Seal, 1).canary = new.seal(b"supervisor", "canary")
        session.flush()
        failpoints.reach("rotate")
    return len(stacks)


def _moved(uuid: str, sealed: bytes | None, new: Cipher) -> bytes | None:
    return new.seal(open_state(uuid, sealed), f"state of {uuid}") if sealed else None

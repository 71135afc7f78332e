"""Takes a delivery: verify, understand, store; the payload never chooses what is deployed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from supervisor import deliveries, runs, stacks, vault
from supervisor.commands.git import is_commit
from supervisor.database import write_together, writing
from supervisor.errors import SignatureInvalid, WrongStrategy
from supervisor.models import Action, Result, Run, Stack, Status, Strategy, Trigger, now
from supervisor.webhooks import understand
from supervisor.webhooks.address import repository_key
from supervisor.webhooks.delivery import Delivery
from supervisor.webhooks.signature import Request, is_valid

HANDLED = (Status.SUCCEEDED, Status.SKIPPED)
UNDER_WAY = (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True)
class Received:
    """What became of a delivery for one stack."""

    stack: Stack
    result: Result
    reason: str | None = None
    run: Run | None = None


def receive(stack: Stack, headers: Mapping[str, str], body: bytes, *, sha1: bool) -> Received:
    """Take a delivery for one stack; raise SignatureInvalid or WrongStrategy."""
    told = understand(headers, body)
    secrets = _secrets(stack)
    if secrets and not _is_signed(stack, secrets, headers, body, sha1=sha1):
        deliveries.record_refused(stack, told)
        raise SignatureInvalid
    if stack.strategy != Strategy.WEBHOOK or not secrets:
        raise WrongStrategy
    return _act(stack, told)


def receive_for_repository(
    headers: Mapping[str, str], body: bytes, *, sha1: bool
) -> list[Received]:
    """Take a delivery for every stack on its repository whose secret signed it.

    Raise SignatureInvalid where there is no such stack: the answer tells nobody what exists.
    """
    told = understand(headers, body)
    keys = {repository_key(address) for address in told.repositories}
    signed = [
        stack
        for stack in stacks.following(keys)
        if _is_signed(stack, _secrets(stack), headers, body, sha1=sha1)
    ]
    if not signed:
        raise SignatureInvalid
    return [_act(stack, told) for stack in signed]


def _secrets(stack: Stack) -> list[str]:
    """Return the secrets that are valid now: the stack's own, and a former one for its time."""
    kept = vault.secrets_of(stack)
    secrets = [kept.signature_secret]
    if stack.former_secret_until is not None and stack.former_secret_until > now():
        secrets.append(kept.former_signature_secret)
    return [secret for secret in secrets if secret]


def _is_signed(
    stack: Stack, secrets: list[str], headers: Mapping[str, str], body: bytes, *, sha1: bool
) -> bool:
    request = Request(headers, body, time.time())
    return is_valid(request, stack.signature_header or "", secrets, sha1=sha1)


def _act(stack: Stack, told: Delivery) -> Received:
    refusal = told.refusal(stack.git_reference)
    if refusal is None and is_commit(stack.git_reference):
        refusal = "The stack follows one commit, not a branch or tag"
    if refusal is not None:
        with writing(durable=False) as session:
            deliveries.record(session, stack, told, Result.IGNORED, refusal)
        return Received(stack, Result.IGNORED, refusal)
    return _submit(stack, told)


def _submit(stack: Stack, told: Delivery) -> Received:
    """Queue a deploy, unless this very delivery has led to one; stored before it's answered."""

    def add(session: Session) -> Received:
        present = session.get_one(Stack, stack.id)
        run = deliveries.earlier_run(session, present, told.id)
        if run and run.status in HANDLED:
            reason = "This delivery was handled before"
            deliveries.record(session, present, told, Result.DUPLICATE, reason, run)
            return Received(present, Result.DUPLICATE, reason, run)
        if run is None or run.status not in UNDER_WAY:
            run = runs.submit(session, present, Action.DEPLOY, Trigger.WEBHOOK)
        deliveries.record(session, present, told, Result.ACCEPTED, run=run)
        return Received(present, Result.ACCEPTED, run=run)

    return write_together(add)

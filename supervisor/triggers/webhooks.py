"""Takes a delivery: verify, understand, store; the payload never chooses what is deployed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from supervisor.commands.git.address import repository_key
from supervisor.errors import LimitReached, SignatureInvalid, StackNotFound, WrongStrategy
from supervisor.forges import bitbucket, claim, understand
from supervisor.forges.push import Push
from supervisor.forges.signature import Proofs, Request, is_valid
from supervisor.runs import queue
from supervisor.stacks import catalogue, vault
from supervisor.store.database import write_together
from supervisor.store.models import Run, Stack
from supervisor.store.words import Action, DeliveryResult, Status, Strategy, Trigger
from supervisor.triggers import deliveries

# What is read before a secret has proven it: parsing so much takes a millisecond.
READ_UNPROVEN_BYTES = 64 * 1024
# 16 digests over 1 MiB take 8 ms; parsing it takes 2 for a push, and 180 for what is made to hurt.
MOST_SECRETS = 16
MOST_STACKS = 200


@dataclass(frozen=True)
class Received:
    """What became of a delivery for one stack."""

    stack: Stack
    result: DeliveryResult
    reason: str | None = None
    run: Run | None = None


def receive(stack: Stack, request: Request, *, sha1: bool) -> Received:
    """Take a delivery for one stack; nothing reads its body before a secret has proven it.

    Raise SignatureInvalid, WrongStrategy, LimitReached, or StackNotFound where it goes meanwhile.
    """
    secrets = vault.signature_secrets(stack)
    if not secrets:
        deliveries.note_unprovable(stack, claim(request.headers), str(WrongStrategy()))
        raise WrongStrategy
    if not is_valid(request, stack.signature_header or "", secrets, sha1=sha1):
        deliveries.note_refused([stack], claim(request.headers))
        raise SignatureInvalid
    push = understand(request.headers, request.body)
    if stack.strategy != Strategy.WEBHOOK:
        deliveries.note_ignored(stack, push, str(WrongStrategy()))
        raise WrongStrategy
    refusal = push.refusal(stack.git_reference)
    if refusal is not None:
        return _ignore(stack, push, refusal)
    try:
        return write_together(lambda session: _submit(session, stack, push))
    except LimitReached as error:
        deliveries.note_ignored(stack, push, str(error))
        raise


def receive_for_repository(request: Request, *, sha1: bool) -> list[Received]:
    """Take a delivery for every stack on its repository whose secret signed it.

    Raise SignatureInvalid where there is no such stack: the answer tells nobody what exists.
    """
    proofs = Proofs(request, sha1=sha1)
    if len(request.body) > READ_UNPROVEN_BYTES and not _may_be_proven(proofs):
        raise SignatureInvalid
    push = understand(request.headers, request.body)
    keys = {repository_key(address) for address in push.repositories}
    signed: list[Stack] = []
    others: list[Stack] = []
    for stack in catalogue.following(keys):
        (signed if _holds(proofs, stack) else others).append(stack)
    deliveries.note_refused(others, push)
    if not signed and push.event != bitbucket.TEST:
        raise SignatureInvalid
    wanted = [stack for stack in signed if push.refusal(stack.git_reference) is None]
    ignored = [
        _ignore(stack, push, reason)
        for stack in signed
        if (reason := push.refusal(stack.git_reference))
    ]
    return _submit_each(wanted, push) + ignored


def _may_be_proven(proofs: Proofs) -> bool:
    """Tell whether any stack's secret proves a body that is too large to be read before that.

    Which stacks are meant stands in the body. Where all of them have few secrets, each is asked;
    where they have many, that could cost more than any reading, and their own are asked after it.
    """
    stacks = catalogue.on_webhooks(MOST_STACKS + 1)
    secrets = {secret for stack in stacks for secret in vault.signature_secrets(stack)}
    if len(stacks) > MOST_STACKS or len(secrets) > MOST_SECRETS:
        return True
    return any(_holds(proofs, stack) for stack in stacks)


def _holds(proofs: Proofs, stack: Stack) -> bool:
    return proofs.hold(stack.signature_header or "", vault.signature_secrets(stack))


def _ignore(stack: Stack, push: Push, reason: str) -> Received:
    deliveries.note_ignored(stack, push, reason)
    return Received(stack, DeliveryResult.IGNORED, reason)


def _submit_each(wanted: Sequence[Stack], push: Push) -> list[Received]:
    """Submit for all in one transaction; what one stack cannot take keeps no other back."""

    def submit(session: Session, stack: Stack) -> Received:
        try:
            return _submit(session, stack, push)
        except LimitReached as error:
            deliveries.record(session, stack, push, DeliveryResult.IGNORED, str(error))
            return Received(stack, DeliveryResult.IGNORED, str(error))
        except StackNotFound as error:
            return Received(stack, DeliveryResult.IGNORED, str(error))

    if not wanted:
        return []
    return write_together(lambda session: [submit(session, stack) for stack in wanted])


def _submit(session: Session, stack: Stack, push: Push) -> Received:
    """Queue a deploy, unless this very delivery has led to one."""
    run = deliveries.earlier_run(session, stack, push.id)
    if run and _was_handled(run):
        reason = "This delivery was handled before"
        deliveries.record(session, stack, push, DeliveryResult.DUPLICATE, reason, run)
        return Received(stack, DeliveryResult.DUPLICATE, reason, run)
    if run is None or run.status.is_done:
        run = queue.submit(session, stack, Action.DEPLOY, Trigger.WEBHOOK)
    if run is None:
        raise StackNotFound
    deliveries.record(session, stack, push, DeliveryResult.ACCEPTED, run=run)
    return Received(stack, DeliveryResult.ACCEPTED, run=run)


def _was_handled(run: Run) -> bool:
    """Tell whether a run did what it was for; one that was dropped before it began did not."""
    skipped = run.status == Status.SKIPPED and run.started_at is not None
    return run.status == Status.SUCCEEDED or skipped

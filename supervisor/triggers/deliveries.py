"""What became of the calls of forges: enough to explain each, never a body or a signature."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session

from supervisor.errors import StorageError
from supervisor.forges.push import Push
from supervisor.settings.parts import part_of
from supervisor.store.database import reading, writing
from supervisor.store.models import Delivery, Run, Stack, now
from supervisor.store.words import DeliveryResult
from supervisor.triggers.unproven import QUIET_SECONDS, Unproven

log = logging.getLogger("supervisor.deliveries")

KEPT = 100

# Built once: a forge may call a hundred times a second, and each costs as much as its execution.
OWN = Delivery.stack_id == bindparam("stack")
ADD = insert(Delivery)
PRUNE = delete(Delivery).where(
    OWN,
    Delivery.id
    <= select(Delivery.id)
    .where(OWN)
    .order_by(Delivery.id.desc())
    .limit(1)
    .offset(KEPT)
    .scalar_subquery(),
)
EARLIER = (
    select(Run)
    .join(Delivery, Delivery.run_uuid == Run.uuid)
    .where(OWN, Delivery.delivery_id == bindparam("delivery"))
    .order_by(Delivery.id.desc())
    .limit(1)
)


def record(
    session: Session,
    stack: Stack,
    push: Push,
    result: DeliveryResult,
    reason: str | None = None,
    run: Run | None = None,
) -> None:
    """Add a delivery within the caller's transaction, and forget the stack's oldest."""
    values = {
        "stack_id": stack.id,
        "forge": push.forge,
        "event": push.event,
        "result": result,
        "reason": reason,
        "references": push.references[:500] or None,
        "delivery_id": push.id,
        "who": push.who,
        "run_uuid": run.uuid if run else None,
        "count": 1,
        "at": now(),
    }
    connection = session.connection()  # the session itself would look for objects to update
    connection.execute(ADD, values)
    connection.execute(PRUNE, {"stack": stack.id})


def note_ignored(stack: Stack, push: Push, reason: str) -> None:
    """Record a signed call that asks for nothing."""
    _note(lambda session: record(session, stack, push, DeliveryResult.IGNORED, reason))


def note_refused(stacks: Sequence[Stack], claim: Push) -> None:
    """Count a bad signature; for each stack one row is written in a minute, and counts them."""
    _note_unproven(stacks, claim, DeliveryResult.REFUSED, "The signature is missing or wrong")


def note_unprovable(stack: Stack, claim: Push, reason: str) -> None:
    """Count a call to a stack that has no secret, in the same way."""
    _note_unproven([stack], claim, DeliveryResult.IGNORED, reason)


def _note_unproven(
    stacks: Sequence[Stack], claim: Push, result: DeliveryResult, reason: str
) -> None:
    unproven = part_of(Unproven)
    counted = [(stack, unproven.count(stack.uuid, reason)) for stack in stacks]
    due = [(stack, held) for stack, held in counted if held is not None]
    # Nothing of an unsigned call is kept but what it claims to be.
    kept = Push(claim.forge, claim.event[:60])

    def write(session: Session) -> None:
        for stack, held in due:
            last = _newest_of(session, stack, result, reason)
            if last:
                last.count += held
            if last and now() - last.at < timedelta(seconds=QUIET_SECONDS):
                last.count += 1
            else:
                record(session, stack, kept, result, reason)

    if due:
        _note(write)


def _newest_of(
    session: Session, stack: Stack, result: DeliveryResult, reason: str
) -> Delivery | None:
    own = (Delivery.stack_id == stack.id, Delivery.result == result, Delivery.reason == reason)
    return session.scalar(select(Delivery).where(*own).order_by(Delivery.id.desc()).limit(1))


def _note(work: Callable[[Session], None]) -> None:
    """Write what asks for nothing: the answer is the same where it can't be stored."""
    try:
        with writing(durable=False) as session:
            work(session)
    except StorageError as error:  # full, locked, or the stack has just gone
        log.warning("a delivery was not recorded: %s", error.reason)


def earlier_run(session: Session, stack: Stack, delivery_id: str | None) -> Run | None:
    """Return the run that the newest delivery with this id led to."""
    if delivery_id is None:
        return None
    return session.scalar(EARLIER, {"stack": stack.id, "delivery": delivery_id})


def newest(stack: Stack, count: int) -> Sequence[Delivery]:
    """Return the newest deliveries, newest first."""
    query = select(Delivery).where(Delivery.stack_id == stack.id)
    with reading() as session:
        found = session.scalars(query.order_by(Delivery.id.desc()).limit(count)).all()
    unproven = part_of(Unproven)
    for reason, row in {row.reason: row for row in reversed(found)}.items():
        row.count += unproven.held(stack.uuid, reason)  # not written yet
    return found

"""Every query and write on stacks."""

import json
import random
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import current_app
from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supervisor import runs
from supervisor.crypto import Cipher
from supervisor.database import reading, writing
from supervisor.errors import LimitReached, StackInvalid, StackNotFound
from supervisor.events import broker
from supervisor.models import Action, Run, Seal, Stack, Status, Trigger, now

REDEPLOYING = frozenset(
    (
        "compose_file",
        "compose_includes",
        "compose_variables",
        "git_reference",
        "git_repository",
        "git_username",
        "git_token",
    )
)
SECRET_FIELDS = ("git_token", "signature_secret", "compose_variables")
FIRST_CHECK_SECONDS = 60


@dataclass(frozen=True)
class StackSecrets:
    """What is encrypted of a stack."""

    git_token: str | None = field(default=None, repr=False)
    signature_secret: str | None = field(default=None, repr=False)
    compose_variables: dict[str, str] = field(default_factory=dict, repr=False)


def cipher() -> Cipher:
    """Return the cipher of the running app."""
    found: Cipher = current_app.extensions["supervisor_cipher"]
    return found


def secrets_of(stack: Stack) -> StackSecrets:
    """Decrypt a stack's secrets; raise WrongKey."""
    return StackSecrets(**json.loads(cipher().open(stack.sealed, stack.uuid)))


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


def find(uuid: str) -> Stack:
    """Return the stack; raise StackNotFound."""
    with reading() as session:
        stack = session.scalar(select(Stack).where(Stack.uuid == uuid))
    if stack is None:
        raise StackNotFound
    return stack


def overview() -> Sequence[Stack]:
    """Return all stacks, oldest first."""
    with reading() as session:
        return session.scalars(select(Stack).order_by(Stack.id)).all()


def create(values: Mapping[str, Any], stacks_limit: int) -> tuple[Stack, Run]:
    """Store a new stack and queue its first deploy, both or neither.

    Raise StackInvalid where the name is taken, LimitReached where there are too many.
    """
    uuid = str(uuid4())
    columns = {key: value for key, value in values.items() if key not in SECRET_FIELDS}
    stack = Stack(
        **columns,
        uuid=uuid,
        name_key=name_key(values["name"]),
        project=project_name(values["name"], uuid),
        sealed=_seal(uuid, {key: values[key] for key in SECRET_FIELDS if key in values}),
    )
    stack.check_at = first_check_at(stack.polling_interval)
    with _unique_name(), writing() as session:
        if (session.scalar(select(func.count(Stack.id))) or 0) >= stacks_limit:
            raise LimitReached(f"There are {stacks_limit} stacks already (SUPERVISOR_STACKS_LIMIT)")
        session.add(stack)
        session.flush()
        return stack, runs.submit(session, stack, Action.DEPLOY, Trigger.API)


def change(uuid: str, values: Mapping[str, Any]) -> tuple[Stack, Run | None]:
    """Change the given fields, and queue a redeploy if one of them matters for what runs."""
    with _unique_name(), writing() as session:
        stack = _get(session, uuid)
        before = secrets_of(stack)
        changed = {key for key, value in values.items() if value != _current(stack, before, key)}
        for key in changed - set(SECRET_FIELDS):
            setattr(stack, key, values[key])
        stack.name_key = name_key(stack.name)
        fresh = {key: values[key] for key in changed & set(SECRET_FIELDS)}
        stack.sealed = _seal(uuid, asdict(before) | fresh)
        stack.updated_at = now()
        if changed & {"polling_interval", "git_repository", "git_reference", "strategy"}:
            stack.check_at = first_check_at(stack.polling_interval)
            stack.check_failures, stack.check_error = 0, None
        redeploy = bool(changed & REDEPLOYING) and not stack.deleting
        run = runs.submit(session, stack, Action.REDEPLOY, Trigger.API) if redeploy else None
    return stack, run


def _current(stack: Stack, secrets: StackSecrets, key: str) -> Any:
    return getattr(secrets if key in SECRET_FIELDS else stack, key)


def submit(uuid: str, action: Action, trigger: Trigger) -> Run:
    """Queue a run; raise StackNotFound, also where the stack is being deleted."""
    with writing() as session:
        stack = _get(session, uuid)
        if stack.deleting:
            raise StackNotFound
        return runs.submit(session, stack, action, trigger)


def suspend(uuid: str, reason: str | None, until: datetime | None) -> None:
    """Hold all automatic runs of a stack, until a time if one is given."""
    with writing() as session:
        stack = _get(session, uuid)
        stack.suspended, stack.suspended_reason, stack.suspended_until = True, reason, until


def resume(uuid: str) -> None:
    """Let automatic runs go on, and catch up with what was held meanwhile."""
    with writing() as session:
        _resume(session, _get(session, uuid))


def resume_due(at: datetime) -> None:
    """Resume the stacks whose suspension has run out."""
    with reading() as session:
        if session.scalar(select(Stack.id).where(Stack.suspended_until <= at).limit(1)) is None:
            return
    with writing() as session:
        for stack in session.scalars(select(Stack).where(Stack.suspended_until <= at)).all():
            _resume(session, stack)


def _resume(session: Session, stack: Stack) -> None:
    stack.suspended, stack.suspended_reason, stack.suspended_until = False, None, None
    if stack.catch_up and not stack.held and not stack.deleting:
        runs.submit(session, stack, Action.DEPLOY, Trigger.RECOVERY)


def drop_pending(uuid: str, reason: str) -> Stack:
    """Drop what is pending for a stack."""
    with writing() as session:
        stack = _get(session, uuid)
        runs.drop_pending(session, stack, reason)
        return stack


Watched = tuple[Stack, bool]


def watched(projects: Collection[str] | None) -> list[Watched]:
    """Return the stacks of these projects, None for all, and whether a run is at work on each."""
    query = select(Stack, exists().where(Run.stack_id == Stack.id, Run.status == Status.RUNNING))
    query = query.where(Stack.applied.is_not(None), Stack.deleting.is_(False))
    if projects is not None:
        query = query.where(Stack.project.in_(projects))
    with reading() as session:
        return [(stack, busy) for stack, busy in session.execute(query)]


def note_health(stack: Stack, *, healthy: bool, drift: dict[str, str]) -> None:
    """Record how a stack fares, unless a run began meanwhile or nothing is new."""
    if stack.healthy == healthy and stack.drift == drift:
        return
    running = exists().where(Run.stack_id == Stack.id, Run.status == Status.RUNNING)
    values = {"healthy": healthy, "drift": drift}
    with writing(durable=False) as session:
        session.execute(update(Stack).where(Stack.id == stack.id, ~running).values(values))


def submit_heal(stack: Stack, calm: timedelta) -> None:
    """Queue a run that puts back what differs; count it unless the last one is long ago."""
    with writing() as session:
        stack = _get(session, stack.uuid)
        recent = stack.healed_at is not None and now() - stack.healed_at < calm
        stack.heals = stack.heals + 1 if recent else 1
        stack.healed_at = now()
        runs.submit(session, stack, Action.HEAL, Trigger.DRIFT)


def mark_deleting(uuid: str, *, volumes: bool) -> tuple[Stack, Run]:
    """Record that the stack is to go and queue its teardown; drop what else was pending."""
    with writing() as session:
        stack = _get(session, uuid)
        stack.deleting = True
        stack.delete_volumes = stack.delete_volumes or volumes
        stack.check_at = None
        runs.drop_pending(session, stack, "the stack was deleted before it began")
        return stack, runs.submit(session, stack, Action.DELETE, Trigger.API)


def remove(stack: Stack) -> bool:
    """Forget a stack whose containers are gone; return whether others use its repository."""
    with writing() as session:
        session.delete(session.get_one(Stack, stack.id))
        same = select(Stack.id).where(
            Stack.git_repository == stack.git_repository, Stack.id != stack.id
        )
        shared = session.scalar(same.limit(1)) is not None
    broker.close(stack.id, "deleted")
    return shared


def due_for_check(at: datetime, until: datetime) -> Sequence[Stack]:
    """Return the stacks whose check is due, and set the next time so that it is due only once.

    A stack that has a run going stays due until that run ends: it may be deploying what the
    check would find.
    """
    running = select(Run.stack_id).where(Run.status == Status.RUNNING)
    due = (Stack.check_at <= at, Stack.id.not_in(running))
    with reading() as session:
        if session.scalar(select(Stack.id).where(*due).limit(1)) is None:
            return []
    with writing(durable=False) as session:
        found = session.scalars(select(Stack).where(*due)).all()
        ids = [stack.id for stack in found]
        session.execute(update(Stack).where(Stack.id.in_(ids)).values(check_at=until))
    return found


def submit_retries(at: datetime) -> None:
    """Queue again what failed for a reason that may have passed."""
    with reading() as session:
        if session.scalar(select(Stack.id).where(Stack.retry_at <= at).limit(1)) is None:
            return
    with writing() as session:
        for stack in session.scalars(select(Stack).where(Stack.retry_at <= at)).all():
            action = Action.DELETE if stack.deleting else Action.DEPLOY
            runs.submit(session, stack, action, Trigger.RECOVERY)
            stack.retry_at = None


def shift_times(by: timedelta) -> None:
    """Move what is due, after somebody set the clock."""
    with writing(durable=False) as session:
        for stack in session.scalars(select(Stack)):
            stack.check_at = stack.check_at and stack.check_at + by
            stack.retry_at = stack.retry_at and stack.retry_at + by


def spread_overdue_checks() -> None:
    """Spread the checks that fell due while the service was down."""
    with writing(durable=False) as session:
        overdue = Stack.check_at < now() + timedelta(seconds=1)
        for stack in session.scalars(select(Stack).where(overdue)):
            stack.check_at = first_check_at(stack.polling_interval)


def name_key(name: str) -> str:
    """Return what two names that look alike share."""
    return unicodedata.normalize("NFKC", name).casefold()


def project_name(name: str, uuid: str) -> str:
    """Return the Compose project's name: readable, and nobody else's on the engine."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "stack"
    return f"{slug}-{uuid[:8]}"


def first_check_at(interval: int | None) -> datetime | None:
    """Return a time for the first check, spread so that not all come at once."""
    if interval is None:
        return None
    spread = min(interval, FIRST_CHECK_SECONDS)
    return now() + timedelta(seconds=random.uniform(spread / 2, spread))  # noqa: S311


def _seal(uuid: str, secrets: Mapping[str, Any]) -> bytes:
    return cipher().seal(json.dumps(secrets).encode(), uuid)


def _get(session: Session, uuid: str) -> Stack:
    stack = session.scalar(select(Stack).where(Stack.uuid == uuid))
    if stack is None:
        raise StackNotFound
    return stack


@contextmanager
def _unique_name() -> Iterator[None]:
    """Turn the broken unique index into the word for it."""
    try:
        yield
    except IntegrityError as error:
        if "name_key" not in str(error.orig):
            raise
        raise StackInvalid({"name": ["has already been taken"]}) from None

"""Every query and write on stacks."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from supervisor.commands.git.address import repository_key
from supervisor.errors import LimitReached, NotUnique, StackInvalid, StackNotFound
from supervisor.runs import queue
from supervisor.stacks import vault
from supervisor.stacks.changes import Changes, changes_of, is_as_read
from supervisor.stacks.check_times import first_check_at
from supervisor.stacks.fields.schema import COLUMNS, REDEPLOYING, SECRET_FIELDS
from supervisor.store.database import reading, writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Blocked, Strategy, Trigger

CHANGE_TRIES = 50  # more than requests that write at once
OVERVIEW: Select[*tuple[Any, ...]] = select(
    Stack.name,
    Stack.uuid,
    Stack.strategy,
    Stack.deleting,
    Stack.intent,
    Stack.suspended,
    Stack.healthy,
    Stack.applied_commit,
    Stack.last_run_at,
    Stack.last_action,
    Stack.last_status,
).order_by(Stack.id)


def find(uuid: str) -> Stack:
    """Return the stack; raise StackNotFound."""
    with reading() as session:
        return find_in(session, uuid)


def find_in(session: Session, uuid: str) -> Stack:
    """Return the stack within the caller's transaction; raise StackNotFound."""
    stack = session.scalar(select(Stack).where(Stack.uuid == uuid))
    if stack is None:
        raise StackNotFound
    return stack


def exists(stack_id: int) -> bool:
    """Tell whether there is a stack with this number still, also one that is being deleted."""
    with reading() as session:
        return session.get(Stack, stack_id) is not None


def of_run(run: Run) -> Stack:
    """Return the stack that a run belongs to."""
    with reading() as session:
        return session.get_one(Stack, run.stack_id)


def overview() -> Sequence[Row[*tuple[Any, ...]]]:
    """Return what a list shows of all stacks, oldest first.

    Whole stacks would take six times as long, which is felt with a thousand of them.
    """
    with reading() as session:
        return session.connection().execute(OVERVIEW).all()


def create(values: Mapping[str, Any], stacks_limit: int) -> Stack:
    """Store a new stack and queue its first deploy, both or neither.

    Raise StackInvalid where the name is taken, LimitReached where there are too many.
    """
    uuid = str(uuid4())
    stack = Stack(
        **{key: values[key] for key in COLUMNS if key in values},
        uuid=uuid,
        name_key=name_key(values["name"]),
        project=project_name(values["name"], uuid),
        repository_key=repository_key(values["git_repository"]),
        sealed=vault.seal_secrets(
            uuid, {key: values[key] for key in SECRET_FIELDS if key in values}
        ),
    )
    stack.check_at = first_check_at(stack.polling_interval)
    with _unique_name(), writing() as session:
        if (session.scalar(select(func.count(Stack.id))) or 0) >= stacks_limit:
            raise LimitReached(f"There are {stacks_limit} stacks already (SUPERVISOR_STACKS_LIMIT)")
        session.add(stack)
        session.flush()
        queue.submit(session, stack, Action.DEPLOY, Trigger.API)
    return stack


def change(uuid: str, given: Mapping[str, Any]) -> tuple[Stack, Run | None]:
    """Change the fields that a request gives; return the redeploy, if one was queued for them.

    What is to be written is worked out before the lock is taken, and anew where another request
    has changed the stack meanwhile. Raise StackNotFound, StackInvalid, LimitReached.
    """
    for _ in range(CHANGE_TRIES):
        read = find(uuid)
        changes = changes_of(read, given)
        with _unique_name(), writing() as session:
            stack = find_in(session, uuid)
            if is_as_read(stack, read):
                return stack, _write(session, stack, changes)
    raise LimitReached("The stack is changed by other requests all the time")


def _write(session: Session, stack: Stack, changes: Changes) -> Run | None:
    for name, value in changes.columns.items():
        setattr(stack, name, value)
    stack.name_key = name_key(stack.name)
    stack.repository_key = repository_key(stack.git_repository)
    stack.updated_at = now()
    if changes.names & {"polling_interval", "git_repository", "git_reference", "strategy"}:
        stack.check_at = first_check_at(stack.polling_interval)
        stack.check_failures, stack.check_error = 0, None
    if changes.names & {"health_timeout", "rollback"} and stack.blocked_because == Blocked.FAILED:
        stack.unblock()
        stack.seen_commit = None  # the next poll or webhook tries it again
    if changes.names & REDEPLOYING:
        return queue.submit(session, stack, Action.REDEPLOY, Trigger.API)
    return None


def all_of_them() -> Sequence[Stack]:
    """Return every stack."""
    with reading() as session:
        return session.scalars(select(Stack)).all()


def name_key(name: str) -> str:
    """Return what two names that look alike share."""
    return unicodedata.normalize("NFKC", name).casefold()


def project_name(name: str, uuid: str) -> str:
    """Return the Compose project's name: readable, and nobody else's on the engine."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "stack"
    return f"{slug}-{uuid[:8]}"


def following(keys: Collection[str]) -> Sequence[Stack]:
    """Return the stacks that follow webhooks of one of these repositories, see `repository_key`."""
    query = select(Stack).where(
        Stack.repository_key.in_(keys),
        Stack.strategy == Strategy.WEBHOOK,
        Stack.deleting.is_(False),
    )
    with reading() as session:
        return session.scalars(query.order_by(Stack.id)).all()


def on_webhooks(count: int) -> Sequence[Stack]:
    """Return the stacks that follow webhooks of any repository, so many at most."""
    query = select(Stack).where(Stack.strategy == Strategy.WEBHOOK, Stack.deleting.is_(False))
    with reading() as session:
        return session.scalars(query.order_by(Stack.id).limit(count)).all()


@contextmanager
def _unique_name() -> Iterator[None]:
    """Turn the broken unique index into the word for it."""
    try:
        yield
    except NotUnique as error:
        if error.column != "stacks.name_key":
            raise
        raise StackInvalid({"name": ["has already been taken"]}) from None

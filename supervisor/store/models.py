"""The tables, and the words for their states."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from supervisor.store.database import Row
from supervisor.store.words import (
    Action,
    Blocked,
    DeliveryResult,
    Intent,
    LineKind,
    Status,
    Strategy,
    Trigger,
)


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """Store times as naive UTC, since SQLite forgets the zone; give them back aware."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Drop the zone."""
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        return value and value.replace(tzinfo=UTC)


W = TypeVar("W", bound=StrEnum)


class Word(TypeDecorator[W]):
    """Store one of a few words as text; give it back as what it is."""

    impl = String(16)
    cache_ok = True

    def __init__(self, kind: type[W]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: W | None, dialect: Dialect) -> str | None:
        """Store the text."""
        return value and str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> W | None:
        """Return the word."""
        return self.kind(value) if value else None


class Stack(Row):
    """A repository, a reference, compose files, variables and a strategy; and how it fares."""

    __tablename__ = "stacks"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id is never given out twice

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(unique=True)
    project: Mapped[str] = mapped_column(unique=True)
    git_repository: Mapped[str] = mapped_column()
    git_reference: Mapped[str] = mapped_column()
    compose_file: Mapped[str] = mapped_column()
    strategy: Mapped[Strategy] = mapped_column(Word(Strategy))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    uuid: Mapped[str] = mapped_column(unique=True, default_factory=lambda: str(uuid4()))
    git_username: Mapped[str | None] = mapped_column(default=None)
    git_known_hosts: Mapped[str | None] = mapped_column(default=None)
    submodules: Mapped[bool] = mapped_column(default=False)
    shallow: Mapped[bool] = mapped_column(default=False)
    compose_includes: Mapped[list[str]] = mapped_column(JSON, default_factory=list)
    polling_interval: Mapped[int | None] = mapped_column(default=None)
    signature_header: Mapped[str | None] = mapped_column(default=None)
    former_secret_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    repository_key: Mapped[str] = mapped_column(default="", index=True)
    health_timeout: Mapped[int] = mapped_column(default=120)
    rollback: Mapped[bool] = mapped_column(default=True)
    self_heal: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(UtcTime, default_factory=now)

    intent: Mapped[Intent | None] = mapped_column("held", Word(Intent), default=None)
    deleting: Mapped[bool] = mapped_column(default=False)
    delete_volumes: Mapped[bool] = mapped_column(default=False)
    catch_up: Mapped[bool] = mapped_column(default=False)
    suspended: Mapped[bool] = mapped_column(default=False)
    suspended_reason: Mapped[str | None] = mapped_column(default=None)
    suspended_until: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    healthy: Mapped[bool | None] = mapped_column(default=None)
    drift: Mapped[dict[str, str]] = mapped_column(JSON, default_factory=dict)
    heals: Mapped[int] = mapped_column(default=0)
    healed_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    seen_commit: Mapped[str | None] = mapped_column(default=None)
    blocked_commit: Mapped[str | None] = mapped_column("hold_commit", default=None)
    blocked_because: Mapped[Blocked | None] = mapped_column(Word(Blocked), default=None)
    left_failed: Mapped[bool] = mapped_column(default=False)
    applied_commit: Mapped[str | None] = mapped_column(default=None)
    applied: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    previous: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)

    processed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    last_run_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    last_action: Mapped[str | None] = mapped_column(default=None)
    last_status: Mapped[str | None] = mapped_column(default=None)
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    check_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None, index=True)
    check_failures: Mapped[int] = mapped_column(default=0)
    check_error: Mapped[str | None] = mapped_column(default=None)
    retry_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None, index=True)
    retries: Mapped[int] = mapped_column(default=0)

    def block(self, commit: str | None, why: Blocked) -> None:
        """Have no commit asked for by itself that was tried and is not wanted."""
        self.blocked_commit, self.blocked_because = commit, why if commit else None

    def unblock(self) -> None:
        """Let every commit be tried again."""
        self.blocked_commit = self.blocked_because = None


class Run(Row):
    """One recorded attempt to do something with a stack."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("one_running", "stack_id", unique=True, sqlite_where=text("status = 'running'")),
        Index("runs_by_status", "status", "position"),
        Index("runs_by_stack", "stack_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    stack_id: Mapped[int] = mapped_column(ForeignKey("stacks.id", ondelete="CASCADE"))
    action: Mapped[Action] = mapped_column(Word(Action))
    trigger: Mapped[Trigger] = mapped_column(Word(Trigger))
    position: Mapped[int] = mapped_column()
    uuid: Mapped[str] = mapped_column(unique=True, default_factory=lambda: str(uuid4()))
    status: Mapped[Status] = mapped_column(Word(Status), default=Status.PENDING)
    requests: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    step: Mapped[str | None] = mapped_column(default=None)
    message: Mapped[str | None] = mapped_column(default=None)
    outcome: Mapped[str | None] = mapped_column(default=None)
    reasons: Mapped[dict[str, str]] = mapped_column(JSON, default_factory=dict)
    changed: Mapped[bool] = mapped_column(default=False)
    commit_before: Mapped[str | None] = mapped_column(default=None)
    commit_after: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(UtcTime, default_factory=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)

    @property
    def word(self) -> str:
        """Return the action as the log names it; where a commit asked for a deploy, its trigger."""
        by_commit = self.action == Action.DEPLOY and self.trigger.is_by_commit
        return self.trigger if by_commit else self.action


class LogLine(Row):
    """One line of a run's output, or the entry that ends it; ids give followers their place."""

    __tablename__ = "log_lines"
    __table_args__ = (
        Index("lines_by_stack", "stack_id", "id"),
        Index("lines_by_run", "run_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    stack_id: Mapped[int] = mapped_column(ForeignKey("stacks.id", ondelete="CASCADE"))
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[LineKind] = mapped_column(Word(LineKind))
    text: Mapped[str] = mapped_column()
    at: Mapped[datetime] = mapped_column(UtcTime, default_factory=now)


class Delivery(Row):
    """One call of a forge, without its body and its signature."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("deliveries_by_stack", "stack_id", "id"),
        Index("deliveries_by_delivery_id", "stack_id", "delivery_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    stack_id: Mapped[int] = mapped_column(ForeignKey("stacks.id", ondelete="CASCADE"))
    forge: Mapped[str] = mapped_column()
    event: Mapped[str] = mapped_column()
    result: Mapped[DeliveryResult] = mapped_column(Word(DeliveryResult))
    reason: Mapped[str | None] = mapped_column(default=None)
    references: Mapped[str | None] = mapped_column(default=None)
    delivery_id: Mapped[str | None] = mapped_column(default=None)
    who: Mapped[str | None] = mapped_column(default=None)
    run_uuid: Mapped[str | None] = mapped_column(default=None)
    count: Mapped[int] = mapped_column(default=1)
    at: Mapped[datetime] = mapped_column(UtcTime, default_factory=now)


class Seal(Row):
    """One row that only the right key opens."""

    __tablename__ = "seal"

    canary: Mapped[bytes] = mapped_column(LargeBinary)
    id: Mapped[int] = mapped_column(primary_key=True, default=1)


def row_values(row: Row) -> dict[str, Any]:
    """Return a row's values by the names of its attributes."""
    return {each.key: getattr(row, each.key) for each in row.__mapper__.column_attrs}

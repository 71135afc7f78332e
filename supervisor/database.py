"""The one SQLite file: how it is opened, and the only two ways to use it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session

from supervisor.errors import SchemaMismatch, SchemaTooNew

BUSY_SECONDS = 5
MIGRATIONS = str(Path(__file__).parent.parent / "migrations")


class Base(DeclarativeBase):
    """What Flask-SQLAlchemy makes its own base from."""


db = SQLAlchemy(model_class=Base)


class Row(MappedAsDataclass, Base):
    """What every table is made from."""

    __abstract__ = True


# One writer at a time in this process: nobody meets SQLITE_BUSY, and SQLite's rare reset race
# of several writing connections in WAL mode can't happen.
_writing = threading.Lock()


def bind(app: Flask, path: Path) -> None:
    """Connect the app to the database file."""
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None},
        "pool_size": 32,
        "max_overflow": 32,
    }
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "connect", _on_connect)
        event.listen(db.engine, "begin", _on_begin)


def _on_connect(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    """Begin in the mode that the session asked for; drivers only know the deferred one."""
    mode = connection.get_execution_options().get("supervisor_mode")
    if mode is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={mode}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _session(engine: Engine) -> Session:
    return Session(engine, expire_on_commit=False)


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session that sees one consistent state; what it loads stays usable afterwards."""
    with _session(db.engine) as session:
        yield session


@contextmanager
def writing(*, durable: bool = True) -> Iterator[Session]:
    """Give the one writing session; commit at the end, roll back on an error.

    Durable commits survive a power cut, at the price of an fsync; the others survive a kill.
    """
    mode = "FULL" if durable else "NORMAL"
    engine = db.engine.execution_options(supervisor_mode=mode)
    with _writing, _session(engine) as session, session.begin():
        yield session


def ping() -> None:
    """Read one value."""
    with reading() as session:
        session.execute(text("SELECT 1"))


def schema_version() -> str | None:
    """Return the revision that the database is at, None for a new one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_schema() -> str:
    """Return the revision that this release works with."""
    head = ScriptDirectory(MIGRATIONS).get_current_head()
    if head is None:
        raise SchemaMismatch
    return head


def check_schema() -> None:
    """Raise SchemaMismatch where the database is not at this release's revision."""
    if schema_version() != newest_schema():
        raise SchemaMismatch


def migrate() -> None:
    """Bring the database to this release's revision; refuse one from a newer release."""
    version = schema_version()
    if version == newest_schema():
        return
    known = {script.revision for script in ScriptDirectory(MIGRATIONS).walk_revisions()}
    if version is not None and version not in known:
        raise SchemaTooNew(f"The database is at revision {version}, from a newer release")
    upgrade()

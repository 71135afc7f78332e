"""The one SQLite file: how it is opened, and the only two ways to use it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, Session

from supervisor.errors import SupervisorError
from supervisor.store.sql_errors import in_our_words

T = TypeVar("T")

BUSY_SECONDS = 5
IMPATIENT_SECONDS = 0.2


class Base(DeclarativeBase):
    """What Flask-SQLAlchemy makes its own base from."""


db = SQLAlchemy(model_class=Base)


class Row(MappedAsDataclass, Base):
    """What every table is made from."""

    __abstract__ = True


# One writer at a time in this process: no thread meets SQLITE_BUSY, and SQLite's rare reset race
# of several writing connections in WAL mode can't happen.
# https://www.sqlite.org/rescode.html#busy_snapshot
# https://www.sqlite.org/wal.html, "The WAL-Reset Bug"
_writing = threading.Lock()

# Another program has the database, and one thread waited in vain: the threads behind it would wait
# for minutes in all if each was as patient.
_held_elsewhere = threading.Event()


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
    """Begin in the mode that the session asked for; drivers only know the deferred one.

    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions
    https://www.sqlite.org/lang_transaction.html
    """
    mode = connection.get_execution_options().get("supervisor_mode")
    if mode is None:
        connection.exec_driver_sql("BEGIN")
        return
    patience = IMPATIENT_SECONDS if _held_elsewhere.is_set() else BUSY_SECONDS
    settings = (f"synchronous={mode}", f"busy_timeout={int(patience * 1000)}")
    if connection.info.get("supervisor_settings") != settings:
        for setting in settings:
            connection.exec_driver_sql(f"PRAGMA {setting}")
        connection.info["supervisor_settings"] = settings
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError:
        _held_elsewhere.set()
        raise
    _held_elsewhere.clear()


def _session(engine: Engine) -> Session:
    return Session(engine, expire_on_commit=False)


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session that sees one consistent state; what it loads stays usable afterwards.

    Raise StorageError.
    """
    with in_our_words(), _session(db.engine) as session:
        yield session


@contextmanager
def writing(*, durable: bool = True) -> Iterator[Session]:
    """Give the one writing session; commit at the end, roll back on an error.

    Durable commits survive a power cut, at the price of an fsync; the others survive a kill.
    https://www.sqlite.org/pragma.html#pragma_synchronous

    Raise StorageError: StorageFull, StorageBusy and NotUnique are some.
    """
    mode = "FULL" if durable else "NORMAL"
    engine = db.engine.execution_options(supervisor_mode=mode)
    with in_our_words(), _writing, _session(engine) as session, session.begin():
        yield session


class _Work:
    """What one caller wants done in a transaction, and what came of it."""

    def __init__(self, function: Callable[[Session], Any]) -> None:
        self.function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False


class _GroupCommit:
    """Transactions that several callers share: all that waits goes into the next one."""

    def __init__(self) -> None:
        self._waiting: deque[_Work] = deque()
        self._committing = threading.Lock()

    def commit(self, work: _Work) -> None:
        """Have it done, with all that waits, by the first caller that gets the lock."""
        self._waiting.append(work)
        with self._committing:
            if not work.done:
                _commit_all([self._waiting.popleft() for _ in range(len(self._waiting))])


_group = _GroupCommit()


def write_together(function: Callable[[Session], T]) -> T:
    """Do this in a durable transaction, with all else that came while the last one was under way.

    Its fsync may take longer than the rest of a request, so that many triggers a second have to
    share it. A function that raises a SupervisorError does so before it writes anything.
    Raise StorageError.
    """
    work = _Work(function)
    _group.commit(work)
    if work.error is not None:
        raise work.error
    result: T = work.result
    return result


def _commit_all(works: list[_Work]) -> None:
    try:
        with writing() as session:
            for work in works:
                try:
                    work.result = work.function(session)
                except SupervisorError as error:
                    work.error = error
    except Exception as error:  # noqa: BLE001 (nothing was stored: each of them has to know)
        for work in works:
            work.error = error
    for work in works:
        work.done = True


def ping() -> None:
    """Read one value."""
    with reading() as session:
        session.execute(text("SELECT 1"))


def write_back() -> None:
    """Bring all that is in the write-ahead log into the file itself; raise StorageError.

    Who copies that file alone, while nothing runs, has all of it then. A reader or writer that goes
    on just now keeps its part in the log. https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
    """
    with in_our_words(), closing(db.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

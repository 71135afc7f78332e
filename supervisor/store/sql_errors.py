"""What SQLite and SQLAlchemy raise, in our words: none of their errors leaves this room."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from supervisor.errors import NotUnique, StorageBroken, StorageBusy, StorageError, StorageFull

PRIMARY = 0xFF  # the rest of a code only says more of the same
CODES: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_BUSY: StorageBusy,
    sqlite3.SQLITE_LOCKED: StorageBusy,
}
UNIQUE = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raise StorageError in place of what the database raises; let all else pass."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise _word_for(said)(str(error), str(said)) from error


def _word_for(said: BaseException | None) -> type[StorageError]:
    """Return the class for what the driver said."""
    code = getattr(said, "sqlite_errorcode", 0)
    if code in UNIQUE:
        return NotUnique
    # SQLite says so too where a statement is wrong, that is to say where the tables are not ours.
    other = StorageBroken if isinstance(said, sqlite3.OperationalError) else StorageError
    return CODES.get(code & PRIMARY, other)

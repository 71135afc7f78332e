"""The two ways to use the database, and the words in which they fail."""

import ast
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from supervisor.errors import (
    NotUnique,
    StackNotFound,
    StorageBroken,
    StorageBusy,
    StorageError,
    StorageFull,
    SupervisorError,
)
from supervisor.store import database, schema
from supervisor.store.database import reading, write_together, writing
from tests.support import ROOT

SQL_ERRORS = {"sqlite3", "sqlalchemy.exc", "sqlalchemy.orm.exc"}
THINGS = (
    "CREATE TABLE things (name TEXT UNIQUE, thing TEXT REFERENCES things (name))",
    "INSERT INTO things VALUES ('first', NULL)",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "supervisor.db"


@pytest.fixture
def app(path: Path) -> Iterator[Flask]:
    """An app whose database has one table and one row."""
    app = Flask("things")
    database.bind(app, path)
    with app.app_context():
        with writing() as session:
            for statement in THINGS:
                session.execute(text(statement))
        yield app
        database.db.engine.dispose()


def add(session: Session, name: str, of: str | None = None) -> None:
    session.execute(text("INSERT INTO things VALUES (:name, :of)"), {"name": name, "of": of})


def names() -> list[str]:
    with reading() as session:
        return list(session.scalars(text("SELECT name FROM things ORDER BY rowid")))


@pytest.mark.usefixtures("app")
def test_a_full_disk_has_a_word() -> None:
    with pytest.raises(StorageFull) as caught, writing() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count={pages}"))
        add(session, "x" * 100_000)
    assert caught.value.reason == "database or disk is full"


@pytest.mark.usefixtures("app")
def test_a_database_that_another_program_holds_has_a_word(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageBusy) as caught, writing() as session:
            add(session, "second")
        assert caught.value.reason == "database is locked"
        assert names() == ["first"]
        other.execute("ROLLBACK")
    with writing() as session:
        add(session, "second")
    assert names() == ["first", "second"]


@pytest.mark.usefixtures("app")
def test_a_database_that_may_not_be_written_has_a_word() -> None:
    with pytest.raises(StorageBroken) as caught, writing() as session:
        session.execute(text("PRAGMA query_only=ON"))
        add(session, "second")
    assert type(caught.value) is StorageBroken
    assert caught.value.reason == "attempt to write a readonly database"


@pytest.mark.usefixtures("app")
def test_what_is_there_already_names_its_column() -> None:
    with pytest.raises(NotUnique) as caught, writing() as session:
        add(session, "first")
    assert caught.value.column == "things.name"


@pytest.mark.usefixtures("app")
def test_what_fails_only_at_the_commit_has_a_word_too() -> None:
    reached = False
    with pytest.raises(StorageError, match="FOREIGN KEY") as caught, writing() as session:
        session.execute(text("PRAGMA defer_foreign_keys=ON"))
        add(session, "second", of="nothing")
        reached = True
    assert reached
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert not isinstance(caught.value, StorageBroken | NotUnique)
    assert names() == ["first"]


@pytest.mark.usefixtures("app")
def test_the_text_quotes_the_statement_and_the_reason_does_not() -> None:
    with pytest.raises(StorageBroken) as caught, reading() as session:
        session.execute(text("SELECT wrong"))
    source = caught.value.__cause__
    assert isinstance(source, DBAPIError)
    assert str(caught.value) == str(source)
    assert "[SQL: SELECT wrong]" in str(caught.value)
    assert caught.value.reason == str(source.orig) == "no such column: wrong"


@pytest.mark.usefixtures("app")
def test_errors_that_come_from_no_database_get_no_word_for_its_faults() -> None:
    with pytest.raises(StorageError) as caught, reading() as session:
        session.execute(text("SELECT name FROM things WHERE name = 'nobody'")).one()
    assert type(caught.value) is StorageError
    assert isinstance(caught.value.__cause__, NoResultFound)


def test_a_file_that_is_no_database_is_not_said_to_be_usable_later(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    app = Flask("broken")
    database.bind(app, path)
    with app.app_context():
        for look in (database.ping, schema.check, schema.migrate):
            with pytest.raises(StorageError, match="file is not a database") as caught:
                look()
            assert type(caught.value) is StorageError


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("error", [StackNotFound(), KeyError("x"), OSError(28, "no space")])
def test_errors_of_the_caller_pass_untouched_and_undo_what_was_written(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, writing() as session:
        add(session, "second")
        raise error
    assert caught.value is error
    with pytest.raises(type(error)) as caught, reading():
        raise error
    assert caught.value is error
    assert names() == ["first"]


@pytest.mark.usefixtures("app")
def test_work_that_is_written_together_fails_in_the_same_words() -> None:
    with pytest.raises(NotUnique):
        write_together(lambda session: add(session, "first"))
    write_together(lambda session: add(session, "second"))
    assert names() == ["first", "second"]


def test_nobody_who_catches_a_supervisor_error_takes_a_lost_transaction_for_one() -> None:
    assert not issubclass(StorageError, SupervisorError)


def test_only_the_store_knows_the_errors_of_sql() -> None:
    package = ROOT / "supervisor"
    knowing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        for name in imported(ast.parse(path.read_text()))
        if name in SQL_ERRORS or name.rpartition(".")[0] in SQL_ERRORS
    }
    assert knowing == {"store"}


def imported(tree: ast.Module) -> Iterator[str]:
    """Give the dotted name of all that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

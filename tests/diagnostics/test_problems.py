"""What /up says of the database: which error it raised, and not a word of what it said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from supervisor.diagnostics.problems import find_problems
from supervisor.security.secret import Secret
from supervisor.settings import parts
from supervisor.settings.config import Config
from supervisor.store import database


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An app with neither tables nor anything that works in the background."""
    app = Flask("empty")
    parts.keep(app, Config(Secret("k" * 16), Secret("s" * 32), tmp_path))
    database.bind(app, tmp_path / "supervisor.db")
    with app.app_context():
        yield app
        database.db.engine.dispose()


@pytest.mark.usefixtures("app")
def test_errors_of_the_database_are_named_as_it_names_them() -> None:
    assert find_problems() == [
        {
            "name": "migrations",
            "exception": "SchemaMismatch",
            "message": "the database is not at this release's revision: restart Supervisor",
        },
        {"name": "checks", "exception": "OperationalError", "message": "OperationalError"},
        {"name": "queue", "exception": "OperationalError", "message": "OperationalError"},
    ]

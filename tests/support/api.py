"""The application without its server: nothing runs, so that large tables are quick."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from supervisor import create_app
from supervisor.security.secret import Secret
from supervisor.settings.config import Config
from supervisor.store import database, schema
from tests.support.service import API_KEY, SECRET_KEY_BASE, SIGNATURE_SECRET
from tests.support.waiting import noted

Rows = dict[str, list[tuple[Any, ...]]]


class Client(FlaskClient):
    """Notes what it asks the application for."""

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        """Send a request."""
        with noted(f"the answer to {options.get('method', 'GET')} {arguments}"):
            return super().open(*arguments, **options)


@dataclass
class Api:
    """An application on a database of its own, and a client that has the key."""

    app: Flask
    storage: Path

    @property
    def client(self) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {API_KEY}"
        return client

    def create(self, **fields: Any) -> dict[str, Any]:
        """Create a stack that follows webhooks."""
        answer = self.client.post("/stacks", json=stack_fields(**fields))
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.get_json()
        return created

    def rows(self) -> Rows:
        """Return everything that is stored of stacks and runs."""
        with closing(sqlite3.connect(self.storage / "supervisor.db")) as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                for table in ("stacks", "runs", "log_lines")
            }


def stack_fields(**fields: Any) -> dict[str, Any]:
    """Return the fields of a stack, with those given in place of the usual ones."""
    return {
        "name": "shop",
        "git_repository": "https://git.example.org/shop.git",
        "git_reference": "refs/heads/main",
        "git_username": "ada",
        "git_token": "git-token-value",
        "compose_file": "compose.yml",
        "compose_includes": ["more.yml"],
        "compose_variables": {"COLOUR": "blue"},
        "strategy": "webhook",
        "polling_interval": 300,
        "signature_header": "X-Hub-Signature-256",
        "signature_secret": SIGNATURE_SECRET,
    } | fields


def application(storage: Path, **settings: Any) -> Api:
    """Make an application whose database is ready."""
    settings.setdefault("bad_signatures_per_minute", 1_000_000)  # tests send many
    config = Config(Secret(API_KEY), Secret(SECRET_KEY_BASE), storage, **settings)
    app = create_app(config)
    app.test_client_class = Client
    with app.app_context():
        schema.migrate()
    return Api(app, storage)


def close(api: Api) -> None:
    """Give the database's connections back."""
    with api.app.app_context():
        database.db.engine.dispose()

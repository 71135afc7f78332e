"""A database with many stacks, written before the service starts so that nothing is queued."""

import os
from unittest import mock
from uuid import uuid4

from supervisor import create_app
from supervisor.deploy.state import AppliedState
from supervisor.settings.config import Config
from supervisor.stacks import catalogue, vault
from supervisor.store import database, schema
from supervisor.store.models import Stack, now
from supervisor.store.words import Status, Strategy
from tests.support.service import SIGNATURE_SECRET, Service


def fill(service: Service, url: str, commit: str, count: int) -> list[str]:
    """Store stacks that follow webhooks and are at the commit already; return their ids."""
    with mock.patch.dict(os.environ, service.environment, clear=True):
        app = create_app(Config.from_environment(os.environ))
        with app.app_context():
            schema.migrate()
            vault.check_key()
            found = [_stack(number, url, commit) for number in range(count)]
            with database.writing() as session:
                session.add_all(found)
            database.db.engine.dispose()
    return [stack.uuid for stack in found]


def _stack(number: int, url: str, commit: str) -> Stack:
    uuid, name = str(uuid4()), f"stack {number}"
    return Stack(
        uuid=uuid,
        name=name,
        name_key=catalogue.name_key(name),
        project=catalogue.project_name(name, uuid),
        git_repository=url,
        git_reference="refs/heads/main",
        compose_file="compose.yml",
        strategy=Strategy.WEBHOOK,
        signature_header="X-Hub-Signature-256",
        sealed=vault.seal_secrets(uuid, {"signature_secret": SIGNATURE_SECRET}),
        applied_commit=commit,
        # No service, so there is nothing that the watcher could miss and put back.
        applied=vault.seal_state(uuid, AppliedState(commit, "compose.yml", (), {}).dump()),
        healthy=True,
        last_action="deploy",
        last_status=Status.SUCCEEDED,
        last_run_at=now(),
    )

"""The next release takes over what the first one stored, and keeps a copy of it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from supervisor.store import schema
from tests.support import ROOT
from tests.support.aftermath import database_is_sound
from tests.support.engine import Engine
from tests.support.failpoints import Failpoints
from tests.support.repository import Repository
from tests.support.service import Service

FIRST_RELEASE = (ROOT / "tests/support/first_release.sql").read_text(encoding="utf-8")
WEBSITE = "/stacks/11111111-1111-4111-8111-111111111111"
LEDGER = "/stacks/22222222-2222-4222-8222-222222222222"
PENDING = "33333333-3333-4333-8333-333333333333"
TABLES = ("alembic_version", "stacks", "runs", "log_lines", "deliveries", "seal")


def rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def test_a_database_of_the_first_release_is_upgraded_also_after_a_kill(
    tmp_path: Path, engine: Engine, repository: Repository
) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    setting = failpoints.setting("migrated:kill9")
    service = Service(tmp_path / "service", engine, SUPERVISOR_FAILPOINTS=setting)
    database = service.storage / "supervisor.db"
    service.storage.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(FIRST_RELEASE)
        connection.execute("UPDATE stacks SET git_repository = ? WHERE id = 1", (repository.url,))
        connection.commit()
    before = rows(database)

    failpoints.lay("migrated:kill9")
    service.launch()
    service.wait_for_end()
    assert failpoints.was_met("migrated:kill9")
    service.kill()
    assert rows(database) == before

    try:
        service.start()
        _everything_is_there(service, engine)
        service.restart()  # nothing to upgrade: no copy is made
        assert service.get(WEBSITE).status_code == 200
        database_is_sound(service)
    finally:
        service.close()
    (copy,) = service.storage.glob("supervisor.db.*")
    assert copy.name == f"supervisor.db.before-{schema.revisions()[-1]}"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows(copy) == before


def _everything_is_there(service: Service, engine: Engine) -> None:
    website, ledger = service.get(WEBSITE).json(), service.get(LEDGER).json()
    engine.claim(website["project"])
    service.wait_for_run(website["uuid"], PENDING)  # what was waiting is done
    assert website["name"] == "Website"
    assert website["compose_variables"] == {"GREETING": "hello from before"}
    assert (website["git_token"], website["git_username"]) == ("********", "ada")
    assert (website["submodules"], website["shallow"]) == (False, False)
    assert ledger["state"] == "stopped"
    assert ledger["compose_includes"] == ["more.yml"]
    statuses = {run["uuid"][-1]: run["status"] for run in service.runs(website["uuid"])}
    assert statuses == {"1": "succeeded", "2": "failed", "3": "succeeded"}
    messages = [entry["message"] for entry in service.get(f"{WEBSITE}/log?entries=9").json()]
    assert messages[:2] == ["Deployed refs/heads/main at 1234567", "fetch: refused"]
    (delivery,) = service.get(f"{WEBSITE}/deliveries").json()["deliveries"]
    assert delivery["delivery_id"] == "d-1"

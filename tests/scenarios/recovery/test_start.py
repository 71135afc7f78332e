"""What a start makes, and what it refuses."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import requests

from supervisor.settings.keys import stored_keys
from tests.conftest import StartService
from tests.support.engine import Engine
from tests.support.service import API_KEY, Service
from tests.support.start import KEYS, REFUSED, STORAGE_IN_USE, attempt


def content_of(database: Path) -> list[str]:
    """Return everything in the database; its file also changes when the log is folded into it."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


# The keys of the first start


def test_the_first_start_makes_both_keys_and_prints_the_api_key_once(
    tmp_path: Path, engine: Engine
) -> None:
    service = Service(tmp_path / "first", engine)
    for name in KEYS:
        del service.environment[name]
    try:
        service.start()
        keys = stored_keys(service.storage)
        assert sorted(keys) == sorted(KEYS)
        assert len(keys["SUPERVISOR_API_KEY"]) >= 32
        assert len(keys["SUPERVISOR_SECRET_KEY_BASE"]) >= 64
        assert stat.S_IMODE((service.storage / "keys").stat().st_mode) == 0o600
        assert stat.S_IMODE(service.storage.stat().st_mode) == 0o700
        assert service.log_text.count(keys["SUPERVISOR_API_KEY"]) == 1
        assert opens(service, keys["SUPERVISOR_API_KEY"])

        service.restart()
        assert stored_keys(service.storage) == keys
        assert service.log_text.count(keys["SUPERVISOR_API_KEY"]) == 1
        assert keys["SUPERVISOR_SECRET_KEY_BASE"] not in service.log_text
        assert opens(service, keys["SUPERVISOR_API_KEY"])
        assert not opens(service, API_KEY)
    finally:
        service.close()


def opens(service: Service, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.get(f"{service.url}/stacks", headers=headers, timeout=5).status_code == 200


# X15: another key base than the one that the storage was encrypted with


def test_a_wrong_key_base_is_found_at_the_start_and_nothing_is_lost(
    start_service: StartService,
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository="file:///nowhere.git", git_token="kept-token")
    service.wait_for_run(stack["uuid"], status="failed")
    shown = service.get(f"/stacks/{stack['uuid']}").json()
    service.terminate()
    database = service.storage / "supervisor.db"
    before = content_of(database)

    other_base = {"SUPERVISOR_SECRET_KEY_BASE": "another-" * 8}
    done = attempt(service.storage, **(KEYS | other_base))
    assert done.returncode == REFUSED
    output = done.stdout + done.stderr
    assert "SUPERVISOR_SECRET_KEY_BASE is not the key" in output
    assert "Traceback" not in output
    assert "another-" not in output
    assert content_of(database) == before

    service.start()
    assert service.get(f"/stacks/{stack['uuid']}").json() == shown


# P18: one storage, one process


@pytest.mark.row("P18")
def test_a_second_instance_on_the_same_storage_ends_with_3_and_names_the_first(
    start_service: StartService,
) -> None:
    service = start_service()
    done = attempt(service.storage, **KEYS)
    assert done.returncode == STORAGE_IN_USE
    assert f"is in use by process {service.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert service.get("/stacks").status_code == 200


def test_a_stop_leaves_all_of_the_database_in_its_file(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository="file:///nowhere.git")
    service.wait_for_run(stack["uuid"], status="failed")
    service.terminate()
    copy = tmp_path / "copy.db"
    copy.write_bytes((service.storage / "supervisor.db").read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT status FROM runs").fetchall() == [("failed",)]
    log = service.storage / "supervisor.db-wal"
    assert not log.exists() or not log.stat().st_size

"""`supervisor check` says for each part that it is ok, or what to do."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import succeeds, supervisor
from tests.support.engine import Engine
from tests.support.service import API_KEY, SECRET_KEY_BASE, Service

PARTS = ["settings", "storage", "database", "git", "engine", "plugin", "clock", "mounts"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("running"), engine).start()
    service.create_stack(git_repository="file:///nowhere.git")
    yield service
    service.close()


def parts(text: str) -> dict[str, str]:
    """Return what was said of each part."""
    return dict(line.split(maxsplit=1) for line in text.splitlines())


def wrong(service: Service, name: str, **env: str) -> str:
    """Return what is said of the one part that is wrong."""
    done = supervisor(service, "check", env=env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for secret in (API_KEY, SECRET_KEY_BASE, *env.values()):
        assert secret not in done.stdout + done.stderr or len(secret) < 16
    said = parts(done.stdout)
    assert [part for part, text in said.items() if not text.startswith("ok")] == [name]
    return said[name].removeprefix("WRONG: ")


def test_all_is_well_while_the_service_runs_and_its_lock_is_left_alone(running: Service) -> None:
    said = parts(succeeds(running, "check"))
    assert list(said) == PARTS
    assert all(text.startswith("ok") for text in said.values())
    assert f"runs as process {running.pid}" in said["storage"]
    assert running.get("/up").status_code == 200


def test_before_the_first_start_all_is_well_and_nothing_is_made(
    tmp_path: Path, engine: Engine
) -> None:
    service = Service(tmp_path / "new", engine)
    for name in ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE"):
        del service.environment[name]
    assert all(text.startswith("ok") for text in parts(succeeds(service, "check")).values())
    assert not service.storage.exists()


def test_a_database_that_a_first_start_is_making_is_told(tmp_path: Path, engine: Engine) -> None:
    service = Service(tmp_path / "new", engine)
    service.storage.mkdir(mode=0o700, parents=True)
    (service.storage / "supervisor.db").touch()
    assert "by a first start" in parts(succeeds(service, "check"))["database"]


def test_every_wrong_setting_is_named(running: Service) -> None:
    said = wrong(running, "settings", SUPERVISOR_BIND="x", SUPERVISOR_CONCURRENCY="0")
    assert "SUPERVISOR_BIND must be" in said
    assert "SUPERVISOR_CONCURRENCY must be" in said


def test_a_wrong_key_is_told_without_showing_any(running: Service) -> None:
    said = wrong(running, "database", SUPERVISOR_SECRET_KEY_BASE="canary-key-" * 5)
    assert "is not the key" in said


def test_an_engine_that_does_not_answer_is_told(running: Service) -> None:
    done = supervisor(running, "check", env={"DOCKER_HOST": "unix:///nowhere.sock"})
    said = parts(done.stdout)
    assert done.returncode == 1
    assert said["engine"].startswith("WRONG: ")
    assert said["settings"] == "ok"
    for part in ("clock", "mounts"):
        assert said[part] == "not checked: the engine has to answer first"


def test_what_is_not_installed_is_named(running: Service, tmp_path: Path) -> None:
    for name in ("sh", "readlink", "dirname"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    done = supervisor(running, "check", env={"PATH": str(tmp_path)})
    said = parts(done.stdout)
    assert said["git"] == "WRONG: git is not installed"
    assert said["engine"] == "WRONG: docker is not installed"


def test_a_plugin_that_is_too_old_or_missing_is_told(running: Service, tmp_path: Path) -> None:
    shim = tmp_path / "docker"
    for line, word in (
        ('[ "$1" = compose ] && echo v2.17.0 && exit', "2.17.0 is too old"),
        ('[ "$1" = compose ] && echo "docker: no such command" >&2 && exit 1', "compose"),
    ):
        shim.write_text(f'#!/bin/sh\n{line}\nPATH=${{PATH#*:}} exec docker "$@"\n')
        shim.chmod(0o755)
        said = wrong(running, "plugin", PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert word in said


def test_a_clock_that_went_back_is_told(running: Service) -> None:
    _set(running, "UPDATE runs SET created_at = '2999-01-01 00:00:00.000000'")
    assert "set this machine's clock" in wrong(running, "database")
    _set(running, "UPDATE runs SET created_at = '2026-01-01 00:00:00.000000'")


def _set(service: Service, statement: str) -> None:
    with closing(sqlite3.connect(service.storage / "supervisor.db", timeout=10)) as database:
        database.execute(statement)
        database.commit()


def test_a_storage_that_others_can_read_is_told(running: Service) -> None:
    running.storage.chmod(0o755)
    said = wrong(running, "storage")
    running.storage.chmod(0o700)
    assert said.endswith(f"chmod 700 {running.storage}")

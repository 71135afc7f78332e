"""Another secret key base opens everything, the former one nothing; or else nothing has changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.command import refuses, succeeds, supervisor
from tests.support.engine import Engine
from tests.support.failpoints import Failpoints
from tests.support.repository import Repository
from tests.support.service import API_KEY, SECRET_KEY_BASE, Service
from tests.support.triggers import control
from tests.support.waiting import wait_until

NEW = "a-new-secret-key-base-0123456789abcdef0123456789"
GIVEN = {"SUPERVISOR_NEW_SECRET_KEY_BASE": NEW}
KEY = "SUPERVISOR_SECRET_KEY_BASE"


def sealed(service: Service) -> list[bytes]:
    """Return everything that is encrypted."""
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        rows: list[tuple[Any, ...]] = database.execute("SELECT canary FROM seal").fetchall()
        rows += database.execute("SELECT sealed, applied, previous FROM stacks").fetchall()
    return [value for row in rows for value in row if value is not None]


def test_all_goes_on_with_the_new_key_and_no_container_is_touched(
    start_service: StartService, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    service = start_service()
    fields = {"compose_variables": {"GREETING": "hello", "PASSWORD": "canary-1"}}
    stack = service.create_stack(git_repository=repository.url, **fields)
    service.wait_for_run(stack["uuid"])
    before = engine.containers(stack["project"], running=True)
    assert "in use by process" in refuses(service, "rotate-key", env=GIVEN, status=3)
    service.terminate()
    former = sealed(service)
    assert len(former) == 3

    file = tmp_path / "new.key"
    file.write_text(f"{NEW}\n")
    done = supervisor(service, "rotate-key", "--new-key-file", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 stacks" in done.stdout
    assert NEW not in done.stdout
    kept = b"".join(path.read_bytes() for path in service.storage.glob("supervisor.db*"))
    assert not any(value in kept for value in former)

    with pytest.raises(AssertionError, match="ended at its start"):
        service.start()
    service.environment[KEY] = NEW
    service.start()
    shown = service.get(f"/stacks/{stack['uuid']}").json()["compose_variables"]
    assert shown == {"GREETING": "hello", "PASSWORD": "********"}
    run = service.wait_for_run(stack["uuid"], control(service, stack["uuid"], "redeploy"))
    assert run["reasons"] == {}
    assert engine.containers(stack["project"], running=True) == before


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("stopped"), engine).start()
    service.create_stack(git_repository="file:///nowhere.git", git_token="canary-token")
    service.terminate()
    yield service
    service.close()


def opens(service: Service, key: str) -> bool:
    """Tell whether the database belongs to this key."""
    done = supervisor(service, "check", env={KEY: key})
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("database")]
    return "ok" in line


def test_a_rotation_that_is_killed_changes_nothing(stopped: Service, tmp_path: Path) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    failpoints.lay("rotate:kill9_worker")
    setting = {"SUPERVISOR_FAILPOINTS": failpoints.setting("rotate:kill9_worker")}
    before = sealed(stopped)
    assert supervisor(stopped, "rotate-key", env=GIVEN | setting).returncode == -9
    assert failpoints.was_met("rotate:kill9_worker")
    assert sealed(stopped) == before
    assert opens(stopped, SECRET_KEY_BASE)
    assert not opens(stopped, NEW)


@pytest.mark.parametrize("point", ["rotate", "rotated"])
def test_the_file_with_the_keys_follows_also_after_a_kill(
    tmp_path: Path, engine: Engine, stopped: Service, point: str
) -> None:
    service = Service(tmp_path / "service", engine)
    service.storage.mkdir(parents=True, mode=0o700)
    for name in ("SUPERVISOR_API_KEY", KEY):
        del service.environment[name]
    keys = service.storage / "keys"
    keys.write_text(f"SUPERVISOR_API_KEY={API_KEY}\n{KEY}={SECRET_KEY_BASE}\n")
    keys.chmod(0o600)
    with (
        closing(sqlite3.connect(stopped.storage / "supervisor.db")) as source,
        closing(sqlite3.connect(service.storage / "supervisor.db")) as target,
    ):
        source.backup(target)

    failpoints = Failpoints(tmp_path / "failpoints")
    failpoints.lay(f"{point}:kill9_worker")
    setting = {"SUPERVISOR_FAILPOINTS": failpoints.setting(f"{point}:kill9_worker")}
    assert supervisor(service, "rotate-key", "--generate", env=setting).returncode == -9
    assert SECRET_KEY_BASE in keys.read_text()
    if point == "rotated":
        service.launch()
        wait_until(lambda: "call supervisor rotate-key again" in service.log_text, "it says so")
        service.kill()
    said = succeeds(service, "rotate-key", "--generate")
    assert ("interrupted" in said) == (point == "rotated")
    assert f"SUPERVISOR_API_KEY={API_KEY}\n" in keys.read_text()
    assert SECRET_KEY_BASE not in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    assert not (service.storage / "keys.next").exists()
    assert "database  ok" in succeeds(service, "check")


@pytest.mark.parametrize(
    ("arguments", "given", "word"),
    [
        ([], {}, "set SUPERVISOR_NEW_SECRET_KEY_BASE, or use --new-key-file or --generate"),
        ([], {"SUPERVISOR_NEW_SECRET_KEY_BASE": "short"}, "at least 32 characters"),
        ([], {"SUPERVISOR_NEW_SECRET_KEY_BASE": SECRET_KEY_BASE}, "the present one"),
        (["--generate"], {}, "make one yourself"),
        (["--new-key-file", "/nowhere"], {}, "No such file"),
        (["--new-key-file", "-"], {}, "at least 32 characters"),
    ],
)
def test_a_key_that_is_none_is_refused(
    stopped: Service, arguments: list[str], given: dict[str, str], word: str
) -> None:
    before = sealed(stopped)
    said = refuses(stopped, "rotate-key", *arguments, env=given, status=2)
    assert word in said
    assert SECRET_KEY_BASE not in said
    assert sealed(stopped) == before


def test_the_wrong_present_key_is_refused(stopped: Service) -> None:
    before = sealed(stopped)
    said = refuses(stopped, "rotate-key", env=GIVEN | {KEY: "wrong-" * 8})
    assert "SUPERVISOR_SECRET_KEY_BASE is not the key" in said
    assert sealed(stopped) == before

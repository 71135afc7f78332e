"""A backup is consistent while the service works, and comes back whole or not at all."""

import hashlib
import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import StartService
from tests.support.canaries import Canary
from tests.support.command import refuses, succeeds, supervisor
from tests.support.engine import Engine
from tests.support.failpoints import Failpoints
from tests.support.repository import Repository
from tests.support.service import SECRET_KEY_BASE, Service
from tests.support.waiting import wait_until

TOKEN = Canary("the git token", "canary-token-4711")
NOWHERE = "file:///nowhere.git"


def change(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(statement)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_backed_up_comes_back_and_works_on_another_machine(
    start_service: StartService, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=repository.url, git_token=TOKEN.value)
    service.wait_for_run(stack["uuid"])
    backup = tmp_path / "backup.db"
    backup.write_text("of yesterday")
    said = supervisor(service, "backup", backup).stderr
    assert "SUPERVISOR_SECRET_KEY_BASE" in said
    assert backup.stat().st_mode & 0o777 == 0o600
    assert not TOKEN.found_in(backup.read_bytes())
    streamed = succeeds(service, "backup", "-", text=False)
    assert streamed.startswith(b"SQLite format 3")
    assert not list(service.storage.glob("*backup*"))
    before = engine.containers(stack["project"], running=True)
    service.terminate()
    engine.remove(stack["project"])  # on another machine nothing runs

    other = start_service()  # has a storage of its own, without mirrors and checkouts
    lost = other.create_stack(name="made after the backup", git_repository=NOWHERE)
    other.wait_for_run(lost["uuid"], status="failed")
    assert "in use by process" in refuses(other, "restore", backup, status=3)
    other.terminate()
    said = supervisor(other, "restore", "-", input=streamed, text=False).stderr.decode()
    (kept,) = other.storage.glob("supervisor.db.before-restore-*")
    assert str(kept) in said
    assert (other.storage / "supervisor.db").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT name FROM stacks").fetchall() == [(lost["name"],)]

    other.start()
    assert [found["uuid"] for found in other.get("/stacks").json()] == [stack["uuid"]]
    wait_until(
        lambda: [run["status"] for run in other.runs(stack["uuid"])] == ["succeeded"] * 2,
        "it is healed",
    )
    assert set(engine.containers(stack["project"], running=True)) == set(before)


def test_a_backup_made_while_rows_are_written_is_consistent(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service()
    stack = service.create_stack(
        git_repository=NOWHERE, name="stack 0", git_reference="refs/heads/0"
    )
    stop = threading.Event()

    def write() -> None:
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            new = {"name": f"stack {number}", "git_reference": f"refs/heads/{number}"}
            service.patch(f"/stacks/{stack['uuid']}", json=new)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            succeeds(service, "backup", tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            query = "SELECT name, git_reference FROM stacks"
            ((name, reference),) = database.execute(query).fetchall()
            assert name.removeprefix("stack ") == reference.removeprefix("refs/heads/")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    """A service that was stopped, and its backup beside its storage."""
    service = Service(tmp_path_factory.mktemp("stopped"), engine).start()
    service.create_stack(git_repository=NOWHERE)
    succeeds(service, "backup", service.storage.parent / "good.db")
    service.terminate()
    yield service
    service.close()


@pytest.fixture
def backup(stopped: Service, tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    path = tmp_path / "copy.db"
    path.write_bytes((stopped.storage.parent / "good.db").read_bytes())
    return path


TRIGGER = "CREATE TRIGGER evil AFTER INSERT ON runs BEGIN DELETE FROM stacks; END"
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda path: path.write_text("hello"), "no backup of Supervisor"),
    "an empty file": (lambda path: path.write_bytes(b""), "no backup of Supervisor"),
    "half a file": (lambda path: path.write_bytes(path.read_bytes()[:9000]), "backup"),
    "other tables": (lambda path: change(path, "DROP TABLE seal"), "no backup of Supervisor"),
    "no seal": (lambda path: change(path, "DELETE FROM seal"), "no backup of Supervisor"),
    "a trigger": (lambda path: change(path, TRIGGER), "changed by somebody"),
    "newer": (
        lambda path: change(path, "UPDATE alembic_version SET version_num = '9999'"),
        "revision 9999, from a newer release",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_good_backup_is_refused_and_changes_nothing(
    stopped: Service, backup: Path, how: str
) -> None:
    spoil, word = SPOILT[how]
    spoil(backup)
    before = {path.name: digest(path) for path in stopped.storage.iterdir() if path.is_file()}
    assert word in refuses(stopped, "restore", backup)
    after = {path.name: digest(path) for path in stopped.storage.iterdir() if path.is_file()}
    assert {**after, "lock": ""} == {**before, "lock": ""}


def test_a_backup_of_another_key_is_refused(stopped: Service, backup: Path) -> None:
    other = {"SUPERVISOR_SECRET_KEY_BASE": "another-key-" * 4}
    said = refuses(stopped, "restore", backup, env=other)
    assert "SUPERVISOR_SECRET_KEY_BASE is not the key" in said
    assert SECRET_KEY_BASE not in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["restore", "/nowhere/at/all"], "No such file or directory: /nowhere/at/all"),
        (["backup", "/nowhere/at/all"], "No such file or directory: /nowhere/at"),
        (["backup", "/dev/null/x"], "Not a directory: /dev/null"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    stopped: Service, arguments: list[str], word: str
) -> None:
    assert refuses(stopped, *arguments) == f"Error: {word}\n"


def test_a_restore_that_is_killed_leaves_what_was_there(
    stopped: Service, backup: Path, tmp_path: Path
) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    change(stopped.storage / "supervisor.db", "UPDATE stacks SET name = 'newer than the backup'")
    failpoints.lay("restore:kill9_worker")
    setting = {"SUPERVISOR_FAILPOINTS": failpoints.setting("restore:kill9_worker")}
    assert supervisor(stopped, "restore", backup, env=setting).returncode == -9
    with closing(sqlite3.connect(stopped.storage / "supervisor.db")) as database:
        assert database.execute("SELECT name FROM stacks").fetchall() == [
            ("newer than the backup",)
        ]
    succeeds(stopped, "restore", backup, env=setting)
    assert not list(stopped.storage.glob("*restored*"))


def test_a_damaged_database_gives_way_to_a_backup(stopped: Service, backup: Path) -> None:
    database = stopped.storage / "supervisor.db"
    database.write_bytes(b"\xff" * 4096)
    for part in ("wal", "shm"):  # a log that is left would heal it
        database.with_name(f"{database.name}-{part}").unlink(missing_ok=True)
    succeeds(stopped, "restore", backup)
    assert digest(database) == digest(backup)
    kept = max(stopped.storage.glob("*before-restore-*"), key=lambda path: path.stat().st_mtime)
    assert kept.read_bytes() == b"\xff" * 4096

"""What may happen to the process, its storage and its clients that the other tests don't have."""

import hashlib
import resource
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.conftest import StartService
from tests.support.aftermath import all_ended, database_is_sound, leftovers
from tests.support.engine import Engine
from tests.support.failpoints import Failpoints
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.triggers import PUSH, deliver, run_of, signature, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long


@pytest.mark.row("P7")
def test_a_locked_database_is_told_to_many_in_time_and_holds_no_reader_up(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service()
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    path = service.storage / "supervisor.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with ThreadPoolExecutor(60) as pool:
            answers = [pool.submit(deliver, service, uuid) for _ in range(60)]
            read = 0
            while not all(answer.done() for answer in answers):
                assert service.get("/up").status_code == 200
                assert service.get("/stacks").status_code == 200
                read += 1
        assert {answer.result().status_code for answer in answers} == {503}
        assert read > 5  # where they wait with the writers, it is one or two
        holder.execute("ROLLBACK")
    service.wait_for_run(uuid, webhook(service, uuid), status="skipped")


@pytest.mark.row("P10", "P11")
def test_a_hundred_runs_leave_no_zombie_descriptor_or_thread(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service()
    uuids = [service.create_stack(git_repository=repository.url)["uuid"] for _ in range(5)]
    for uuid in uuids:
        service.wait_for_run(uuid)
    worker = psutil.Process(service.pid).children()[0]
    [starter] = worker.children()

    def rounds(count: int) -> list[int]:
        for _ in range(count):  # a second each: after a webhook in vain the next one waits so long
            runs = [(uuid, webhook(service, uuid)) for uuid in uuids]
            for uuid, run in runs:
                service.wait_for_run(uuid, run, status="skipped")
        return [
            figure
            for process in (worker, starter)
            for figure in (process.num_fds(), process.num_threads(), process.memory_info().rss)
        ]

    before, after = rounds(4), rounds(16)
    for kind, (first, last) in enumerate(zip(before, after, strict=True)):
        assert last <= (first + 5, first + 5, first * 1.2)[kind % 3]
    zombies = [p for p in service.processes if p.status() == psutil.STATUS_ZOMBIE]
    assert zombies == []


@pytest.mark.row("P12")
def test_more_followers_than_allowed_are_refused_and_hinder_nobody(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_FOLLOWERS_LIMIT="20")
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    followers = [service.follow(uuid) for _ in range(20)]
    with ThreadPoolExecutor(10) as pool:
        path = f"/stacks/{uuid}/log?follow=true"
        answers = list(pool.map(lambda _: service.get(path).status_code, range(50)))
    assert set(answers) == {429}
    assert service.get("/up").status_code == 200
    for follower in followers:
        follower.close()
    service.wait_for_run(uuid, webhook(service, uuid), status="skipped")
    wait_until(lambda: service.follow(uuid).close() is None, "there is room again")


@pytest.mark.row("P16")
def test_the_history_stays_within_its_bounds(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service(SUPERVISOR_RUNS_KEPT="5")
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    for _ in range(20):
        service.wait_for_run(uuid, webhook(service, uuid), status="skipped")
    assert len(service.get(f"/stacks/{uuid}/runs?count=100").json()["runs"]) == 5
    assert service.get(f"/stacks/{uuid}/stats").json()["processed"] == 21
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        query = "SELECT count(DISTINCT run_id) FROM log_lines"
        assert database.execute(query).fetchone() == (5,)


def digest(service: Service) -> str:
    return hashlib.sha256((service.storage / "supervisor.db").read_bytes()).hexdigest()


def refuses_to_start(service: Service) -> str:
    """Return what it says; its database stays as it was."""
    before, said = digest(service), len(service.log_text)
    with pytest.raises(AssertionError, match="ended at its start"):
        service.start()
    assert digest(service) == before
    return service.log_text[said:]


@pytest.mark.row("P17")
def test_a_database_of_a_newer_release_is_left_alone(
    start_service: StartService, engine: Engine
) -> None:
    service = start_service()
    service.terminate()
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
        database.commit()
    said = refuses_to_start(service)
    assert "from a newer release" in said
    assert "Traceback" not in said


@pytest.mark.row("P17")
@pytest.mark.parametrize("place", [0, 100], ids=["the header", "the first page"])
def test_a_damaged_database_is_left_alone(start_service: StartService, place: int) -> None:
    service = start_service()
    service.terminate()
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (service.storage / "supervisor.db").open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 64)
    said = refuses_to_start(service)
    assert "Supervisor does not start" in said
    assert "Traceback" not in said


@pytest.mark.row("P17")
def test_a_migration_that_is_killed_is_done_at_the_next_start(
    tmp_path: Path, engine: Engine
) -> None:
    service = Service(tmp_path / "service", engine)
    for delay in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2):
        service.launch()
        time.sleep(delay)
        service.kill()
    service.start()
    database_is_sound(service)
    service.close()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.row("P19")
def test_a_storage_that_cannot_be_written_is_named(start_service: StartService) -> None:
    service = start_service()
    service.terminate()
    with read_only(service.storage):
        said = refuses_to_start(service)
    assert str(service.storage) in said
    assert "Traceback" not in said
    service.start()


@pytest.mark.row("P19")
def test_few_descriptors_fail_a_run_and_not_the_service(
    start_service: StartService, engine: Engine, repository: Repository
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    before = engine.containers(stack["project"], running=True)
    worker = psutil.Process(service.pid).children()[0]
    _soft, hard = worker.rlimit(resource.RLIMIT_NOFILE)
    worker.rlimit(resource.RLIMIT_NOFILE, (worker.num_fds() + 1, hard))
    events = listener(worker)
    assert events
    events.kill()
    for _ in range(10):
        try:
            assert deliver(service, stack["uuid"]).status_code in (202, 503)
        except OSError:
            time.sleep(0.2)  # not even the connection could be taken
    time.sleep(2)
    worker.rlimit(resource.RLIMIT_NOFILE, (hard, hard))
    repository.commit(two_services("2"))
    run = wait_until(lambda: run_of(deliver(service, stack["uuid"])), "it answers")
    all_ended(service, stack["uuid"])
    service.wait_for_run(stack["uuid"], run)
    assert engine.containers(stack["project"], running=True)["db"] == before["db"]
    assert psutil.Process(service.pid).children()[0].pid == worker.pid
    wait_until(lambda: listener(worker), "the engine's events are followed again")


def listener(worker: psutil.Process) -> psutil.Process | None:
    """Return the command that follows the engine's events, None where it is not there."""
    commands = worker.children(recursive=True)
    return next((each for each in commands if each.cmdline()[1:2] == ["events"]), None)


@pytest.mark.row("P21")
@pytest.mark.parametrize("name", ["lock", "keys"])
def test_links_laid_out_in_the_storage_lead_nowhere(
    tmp_path: Path, engine: Engine, name: str
) -> None:
    service = Service(tmp_path / "service", engine)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    service.storage.mkdir(parents=True)
    (service.storage / name).symlink_to(victim)
    for key in ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE") if name == "keys" else ():
        del service.environment[key]
    with pytest.raises(AssertionError, match="ended at its start"):
        service.start()
    assert victim.read_text() == "precious"
    assert name in service.log_text
    assert "Traceback" not in service.log_text


@pytest.mark.row("P22")
def test_a_client_that_hangs_up_loses_nothing(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    uuid = stack["uuid"]
    shared_service.wait_for_run(uuid)
    repository.commit(two_services("2"))
    host, port = shared_service.url.removeprefix("http://").split(":")
    head = (
        f"POST /stacks/{uuid}/webhook HTTP/1.1\r\nHost: {host}\r\n"
        f"X-Hub-Signature-256: {signature(PUSH)}\r\nContent-Length: {len(PUSH)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + PUSH)
    wait_until(lambda: len(shared_service.runs(uuid)) == 2, "the run is there")
    all_ended(shared_service, uuid)
    assert engine.run_inside(stack["project"], "web", "cat", "/www/version") == "2"


@pytest.mark.row("C8", "C13")
@pytest.mark.parametrize("edge", ["finish", "finished"])
def test_a_trigger_at_the_edge_of_a_runs_end_is_not_lost(
    start_service: StartService,
    engine: Engine,
    repository: Repository,
    tmp_path: Path,
    edge: str,
) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    point = f"{edge}:sleep=1.5"
    service = start_service(SUPERVISOR_FAILPOINTS=failpoints.setting(point))
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    for version in (2, 3):
        failpoints.lay(point)
        repository.commit(two_services(f"{version}-first"))
        first = webhook(service, stack["uuid"])
        wait_until(lambda: failpoints.was_met(point), "the run is about to end", every=0.01)
        repository.commit(two_services(f"{version}-last"))
        last = webhook(service, stack["uuid"])
        assert last != first
        service.wait_for_run(stack["uuid"], last)
        served = engine.run_inside(stack["project"], "web", "cat", "/www/version")
        assert served == f"{version}-last"


@pytest.mark.row("C14")
def test_readers_never_hold_the_writer_up(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service()
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    until = time.monotonic() + 10

    def read() -> int:
        count = 0
        while time.monotonic() < until:
            assert service.get(f"/stacks/{uuid}/runs").status_code == 200
            count += 1
        return count

    def write() -> int:
        count = 0
        while time.monotonic() < until:  # who is held up for long is answered with 503
            assert deliver(service, uuid).status_code == 202
            count += 1
        return count

    with ThreadPoolExecutor(24) as pool:
        readers = [pool.submit(read) for _ in range(20)]
        writers = [pool.submit(write) for _ in range(4)]
        assert all(task.result() for task in readers + writers)
    wal = service.storage / "supervisor.db-wal"
    assert wal.stat().st_size < 64 * 1024**2
    all_ended(service, uuid)
    assert leftovers(service) == []

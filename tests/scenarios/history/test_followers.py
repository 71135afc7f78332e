"""What somebody sees who follows a stack's log."""

import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import StartService
from tests.support.asking import Asking
from tests.support.compose_files import built, compose, sleeper
from tests.support.proc import memory
from tests.support.repository import Repository
from tests.support.service import API_KEY, Service
from tests.support.shims import talkative_docker
from tests.support.sse import Event, Follower
from tests.support.triggers import control
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

StartTalking = Callable[..., tuple[Service, str]]

MEBIBYTE = 1024 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "small")
    repository.commit(compose({"web": sleeper()}))
    return repository


@pytest.fixture
def start_talking(start_service: StartService, small: Repository, tmp_path: Path) -> StartTalking:
    """Start a service whose `docker compose up` prints what a shell script prints.

    It prints nothing for the stack's first deploy, which is over when this returns.
    """

    def start(script: str, **settings: str) -> tuple[Service, str]:
        silent = tmp_path / "silent"
        silent.touch()
        path = talkative_docker(tmp_path / "bin", f"if ! [ -e {silent} ]; then {script}\nfi")
        service = start_service(PATH=path, **settings)
        uuid = service.create_stack(git_repository=small.url)["uuid"]
        service.wait_for_run(uuid)
        silent.unlink()
        return service, uuid

    return start


def redeploy(service: Service, uuid: str) -> str:
    return control(service, uuid, "redeploy")


def until_entry(follower: Follower, run: str) -> list[Event]:
    """Return the events up to the entry that ends a run."""
    events = []
    for event in follower:
        events.append(event)
        if event.name == "message" and event.data["run"] == run:
            return events
    raise AssertionError("the stream ended before the run")


def messages(events: list[Event]) -> list[str]:
    return [event.data["message"] for event in events if event.name == "output"]


def numbered(events: list[Event]) -> list[int]:
    """Return the numbers of the lines that a script printed as `line N`."""
    found = [text.split() for text in messages(events)]
    return [int(words[1]) for words in found if words[:1] == ["line"] and len(words) == 2]


def test_a_stream_begins_at_once_and_asks_proxies_not_to_buffer(
    shared_service: Service, small: Repository
) -> None:
    uuid = shared_service.create_stack(git_repository=small.url, git_reference="none")["uuid"]
    run = shared_service.wait_for_run(uuid, status="failed")
    with shared_service.follow(uuid, last_event_id="0") as follower:
        headers = follower.response.headers
        first = next(iter(follower))
        assert "heartbeat" not in follower.comments
    assert headers["Content-Type"].startswith("text/event-stream")
    assert "no-cache" in headers["Cache-Control"]
    assert "no-transform" in headers["Cache-Control"]
    assert headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in headers
    assert follower.retry
    assert follower.comments
    assert first.data["run"] == run["uuid"]


def test_events_are_strings_with_ids_that_rise_and_the_entry_is_that_of_the_log(
    shared_service: Service, small: Repository
) -> None:
    uuid = shared_service.create_stack(git_repository=small.url)["uuid"]
    run = shared_service.wait_for_run(uuid)
    with shared_service.follow(uuid, last_event_id="0") as follower:
        events = until_entry(follower, run["uuid"])
    assert {event.name for event in events[:-1]} == {"output"}
    for event in events:
        assert {"run_at", "action", "status", "message"} <= set(event.data)
        assert all(isinstance(value, str) for value in event.data.values())
    ids = [int(event.id or 0) for event in events]
    assert ids == sorted(set(ids))
    assert min(ids) > 0
    assert [events[-1].data] == shared_service.get(f"/stacks/{uuid}/log").json()
    stored = shared_service.get(f"/stacks/{uuid}/runs/{run['uuid']}").json()["output"]
    assert messages(events) == stored


def test_a_line_arrives_before_the_next_one_is_printed(
    start_talking: StartTalking, tmp_path: Path
) -> None:
    """How soon is measured by `make bench`."""
    seen = tmp_path / "seen"
    wait = f"until [ -e {seen}-$i ]; do sleep 0.02; done"
    service, uuid = start_talking(f"for i in $(seq 20); do echo line $i; {wait}; done")
    with service.follow(uuid) as follower:
        run = redeploy(service, uuid)
        for event in follower:
            words = event.data["message"].split()
            if words[0] == "line":
                seen.with_name(f"seen-{words[1]}").touch()
            if event.name == "message" and event.data["run"] == run:
                break
    assert event.data["status"] == "succeeded"


@pytest.mark.row("C11")
def test_a_follower_who_comes_late_sees_the_running_run_from_its_start(
    start_talking: StartTalking,
) -> None:
    service, uuid = start_talking("for i in $(seq 20); do echo line $i; sleep 0.1; done")
    run = redeploy(service, uuid)
    wait_until(lambda: service.runs(uuid)[0]["step"] == "up", "it is at up")
    time.sleep(0.5)
    with service.follow(uuid) as follower:
        events = until_entry(follower, run)
    assert numbered(events) == list(range(1, 21))
    assert events[0].data["run"] == run
    assert events[0].data["message"].startswith("==> ")


def test_connections_cut_anywhere_lose_and_repeat_nothing(start_talking: StartTalking) -> None:
    service, uuid = start_talking("for i in $(seq 400); do echo line $i; sleep 0.005; done")
    with service.follow(uuid, last_event_id="0") as follower:
        before = until_entry(follower, service.runs(uuid)[0]["uuid"])
    run = redeploy(service, uuid)
    chance = random.Random(7)
    events = before[:]
    while events[-1].name != "message" or events[-1].data["run"] != run:
        with service.follow(uuid, last_event_id=events[-1].id) as follower:
            for _ in range(chance.randint(1, 40)):
                events.append(next(iter(follower)))
                if events[-1].name == "message" and events[-1].data["run"] == run:
                    break
    with service.follow(uuid, last_event_id="0") as follower:
        whole = until_entry(follower, run)
    assert [event.id for event in events] == [event.id for event in whole]
    assert [event.data for event in events] == [event.data for event in whole]
    assert numbered(events) == list(range(1, 401))


def test_bytes_cut_anywhere_lose_and_repeat_nothing(start_talking: StartTalking) -> None:
    """A connection that breaks within an event: only whole events count for the next id."""
    service, uuid = start_talking("for i in $(seq 200); do echo line $i; sleep 0.005; done")
    run = redeploy(service, uuid)
    chance = random.Random(11)
    last, found = 0, []
    while not found or not _ends(found[-1], run):
        for event in _whole_events(service, uuid, last, run, chance.randint(1, 6000)):
            found.append(event)
            last = _id(event)
    ids = [_id(event) for event in found]
    assert ids == sorted(set(ids))
    assert len([event for event in found if '"message": "line ' in event]) == 200


def _id(event: str) -> int:
    (line,) = (line for line in event.splitlines() if line.startswith("id: "))
    return int(line.removeprefix("id: "))


def _ends(event: str, run: str) -> bool:
    return event.startswith("event: message") and f'"run": "{run}"' in event


def _whole_events(service: Service, uuid: str, last: int, run: str, count: int) -> list[str]:
    """Return the events that are whole when a stream is cut off after so many bytes."""
    path, headers = f"/stacks/{uuid}/log?follow=true", {"Last-Event-ID": str(last)}
    with service.get(path, headers=headers, stream=True) as response:
        data = b""
        for byte in response.iter_content(chunk_size=1):
            data += byte
            whole = [b for b in data.decode().split("\n\n")[:-1] if "id: " in b]
            if len(data) >= count or (whole and _ends(whole[-1], run)):
                return whole
    raise AssertionError("the server ended the stream")


@pytest.mark.row("C11")
def test_an_idle_stream_is_kept_alive_and_ends_with_its_stack(
    shared_service: Service, small: Repository
) -> None:
    uuid = shared_service.create_stack(git_repository=small.url)["uuid"]
    shared_service.wait_for_run(uuid)
    with shared_service.follow(uuid) as follower:
        seen: list[Event] = []
        reading = threading.Thread(target=lambda: seen.extend(follower))
        reading.start()
        wait_until(lambda: "heartbeat" in follower.comments, "a heartbeat", seconds=20)
        shared_service.delete(f"/stacks/{uuid}")
        reading.join(30)
        assert not reading.is_alive()
    assert (seen[-1].name, seen[-1].data) == ("close", {"reason": "deleted"})


def test_a_stop_of_the_service_closes_every_stream_with_a_reason(
    start_service: StartService, small: Repository
) -> None:
    service = start_service()
    uuid = service.create_stack(git_repository=small.url)["uuid"]
    service.wait_for_run(uuid)
    with service.follow(uuid) as one, service.follow(uuid) as two:
        assert service.terminate() == 0
        for follower in (one, two):
            last = list(follower)[-1]
            assert (last.name, last.data) == ("close", {"reason": "shutdown"})


def test_a_hundred_followers_miss_nothing(start_talking: StartTalking) -> None:
    service, uuid = start_talking("for i in $(seq 500); do echo line $i; done")
    ready = threading.Barrier(101, timeout=60)
    run = ""

    def follow(_number: int) -> list[Event]:
        with service.follow(uuid, timeout=60) as follower:
            ready.wait()
            ready.wait()
            return until_entry(follower, run)

    with ThreadPoolExecutor(100) as pool:
        following = [pool.submit(follow, number) for number in range(100)]
        ready.wait()
        run = redeploy(service, uuid)
        ready.wait()
        seen = [future.result() for future in following]
    assert all(numbered(events) == list(range(1, 501)) for events in seen)
    first = [event.id for event in seen[0]]
    assert all([event.id for event in events] == first for events in seen)


def open_and_never_read(service: Service, uuid: str) -> socket.socket:
    address = urlsplit(service.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(
        f"GET /stacks/{uuid}/log?follow=true HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {API_KEY}\r\nLast-Event-ID: 0\r\n\r\n".encode()
    )
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


FLOOD = r"""
echo first line
seq 1000000
head -c 50000000 /dev/zero | tr '\0' x; echo
printf 'broken \377\376 bytes\n'
echo last line
"""


@pytest.mark.row("D20")
def test_a_flood_is_kept_as_head_and_tail_and_costs_bounded_memory_and_slows_nobody(
    start_talking: StartTalking,
) -> None:
    service, uuid = start_talking(FLOOD)
    lazy = [open_and_never_read(service, uuid) for _ in range(20)]
    server = service.processes
    before = memory(server)
    most = 0
    with Asking(service.url) as others, service.follow(uuid) as follower:
        run = redeploy(service, uuid)
        while service.get(f"/stacks/{uuid}/runs/{run}").json()["status"] != "succeeded":
            most = max(most, memory(server))
            time.sleep(0.1)
        seen = until_entry(follower, run)
    for connection in lazy:
        connection.close()
    output = service.get(f"/stacks/{uuid}/runs/{run}").json()["output"]
    assert len(output) < 3000
    assert sum(map(len, output)) < 2 * MEBIBYTE
    start = output.index("first line")
    assert output[start + 1 : start + 1000] == [str(number) for number in range(1, 1000)]
    (mark,) = [line for line in output if "lines left out" in line]
    assert int("".join(filter(str.isdigit, mark))) > 990_000
    end = output.index("last line")
    assert output[end - 1] == "broken \ufffd\ufffd bytes"
    assert "bytes left out" in output[end - 2]
    assert len(output[end - 2]) < 10_000
    assert output[end - 3] == "1000000"
    assert most - before < 60 * MEBIBYTE
    others.check_nobody_waited()
    assert seen[-1].data["status"] == "succeeded"
    assert {"first line", "last line"} <= set(messages(seen))


@pytest.mark.row("P13")
def test_a_reader_that_never_reads_slows_no_run_and_no_other_reader(
    start_talking: StartTalking,
) -> None:
    service, uuid = start_talking("seq 20000")

    lazy = [open_and_never_read(service, uuid) for _ in range(30)]
    with Asking(service.url) as others, service.follow(uuid) as follower:
        until_entry(follower, redeploy(service, uuid))  # where they are waited for, it has no end
    others.check_nobody_waited()
    for connection in lazy:
        connection.close()


@pytest.mark.row("D20")
def test_what_a_build_prints_is_kept_within_bounds(shared_service: Service, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "built")
    repository.commit(built("seq 200000; printf 'broken \\377 bytes\\n'; echo end of build"))
    uuid = shared_service.create_stack(git_repository=repository.url)["uuid"]
    with Asking(shared_service.url) as others:
        run: dict[str, Any] = shared_service.wait_for_run(uuid)
    output = shared_service.get(f"/stacks/{uuid}/runs/{run['uuid']}").json()["output"]
    assert len(output) < 3000
    assert any("lines left out" in line for line in output)
    assert "Built" in output[-1] or any("up" in line for line in output[-50:])
    others.check_nobody_waited()

"""Requests to the real server that try to break, fill or fool it: rows V of the threats."""

import json
import re
import threading
from contextlib import suppress
from urllib.parse import quote
from uuid import uuid4

import psutil
import pytest
import requests

from tests.support.api import stack_fields
from tests.support.asking import Asking
from tests.support.raw import connect, request, send
from tests.support.repository import Repository
from tests.support.service import API_KEY, Service
from tests.support.waiting import wait_until


def test_one_of_many_parallel_requests_gets_the_name(shared_service: Service) -> None:
    name = f"wanted {uuid4()}"
    fields = stack_fields(name=name, git_repository="file:///nowhere.git")
    answers: list[requests.Response] = []

    def post() -> None:
        answers.append(shared_service.post("/stacks", json=fields))

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 11
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert refused.json() == {"error": {"name": ["has already been taken"]}}
    assert [s["name"] for s in shared_service.get("/stacks").json()].count(name) == 1


def test_a_file_that_is_not_in_the_repository_fails_the_run_by_its_name(
    shared_service: Service, repository: Repository
) -> None:
    """A missing file, a folder, and a link that leads outside; none of them is shown."""
    repository.link("link.yml", "/etc/passwd")
    repository.link("folder-link", "/etc")
    repository.commit({"folder/x": "x"})
    paths = ("missing.yml", "folder", "link.yml", "folder-link/passwd", "compose.yml/x")
    stacks = {
        path: shared_service.create_stack(git_repository=repository.url, compose_file=path)["uuid"]
        for path in paths
    }
    for path, uuid in stacks.items():
        run = shared_service.wait_for_run(uuid, status="failed")
        shown = shared_service.get(f"/stacks/{uuid}/runs/{run['uuid']}").json()
        assert path in shown["message"]
        assert "root:" not in f"{shown['message']}{shown['output']}"
        assert shown["step"] in ("render", "check out")


def test_folders_are_made_from_uuids_only(shared_service: Service, repository: Repository) -> None:
    fields = {"name": f"../../../{uuid4()}/x", "compose_file": "missing.yml"}
    stack = shared_service.create_stack(git_repository=repository.url, **fields)
    shared_service.wait_for_run(stack["uuid"], status="failed")
    folders = [path.name for path in (shared_service.storage / "stacks").iterdir()]
    assert stack["uuid"] in folders
    assert all(re.fullmatch(r"[0-9a-f-]{36}", name) for name in folders)
    beside = {path.name for path in shared_service.storage.parent.iterdir()}
    assert beside == {"storage", "service.log"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stacks/%00", {404}),
        ("/stacks/%ff%fe", {404}),
        ("/stacks/..%2f..", {404}),
        ("/stacks/../stacks", {404}),
        ("/stacks/'%20OR%201=1--", {404}),
        ("/stacks/" + "x" * 4000, {404}),
        ("/stacks/" + "x" * 10_000, {400, 414, 431}),
    ],
    ids=lambda value: str(value)[:24],
)
def test_an_odd_path_on_the_wire_is_refused(
    shared_service: Service, path: str, status: set[int]
) -> None:
    key = f"Authorization: Bearer {API_KEY}"
    assert send(shared_service, "GET", path, key).status in status


# V24: the log of the service


def test_nothing_that_a_request_says_makes_a_line_of_its_own_in_the_log(
    shared_service: Service,
) -> None:
    forged = "2026-01-01T00:00:00.000Z ERROR root: login"
    agent = {"User-Agent": f"x {forged}"}
    for path in (f"/stacks/x%0a{quote(forged)}", f"/stacks?x=%0a{quote(forged)}"):
        shared_service.get(path, headers=agent)
    shared_service.post(
        "/stacks", json=stack_fields(name=f"x\n{forged}", git_reference=f"a\n{forged}")
    )
    stack = shared_service.create_stack(git_repository="file:///nowhere.git")
    shared_service.wait_for_run(stack["uuid"], status="failed")
    lines = shared_service.log_text.splitlines()
    assert not [line for line in lines if line.startswith(forged)]
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ +[\w.]+: ", line) for line in lines)


def test_an_endless_event_id_is_refused(shared_service: Service) -> None:
    headers = (f"Authorization: Bearer {API_KEY}", "Last-Event-ID: " + "1" * 1_000_000)
    assert send(shared_service, "GET", "/stacks/x/log?follow=true", *headers).status == 431


def test_a_follower_with_an_id_of_the_future_sees_what_comes(shared_service: Service) -> None:
    stack = shared_service.create_stack(git_repository="file:///nowhere.git")
    shared_service.wait_for_run(stack["uuid"], status="failed")
    with shared_service.follow(stack["uuid"], "99999999999") as follower:
        shared_service.post(f"/stacks/{stack['uuid']}/control", json={"command": "stop"})
        assert follower.until("message")[-1].data["action"] == "stop"


# V4: large bodies, while others are served


LARGE = {
    "100,000 includes": json.dumps({"compose_includes": ["a"] * 100_000}),
    "250,000 empty includes": json.dumps({"compose_includes": [""] * 250_000}),
    "10,000 variables": json.dumps({"compose_variables": {f"A{n}": "x" for n in range(10_000)}}),
    "70,000 unknown fields": json.dumps(dict.fromkeys(map(str, range(70_000)), 1)),
    "a megabyte of name": json.dumps({"name": "x" * 1_000_000}),
    "a megabyte of value": json.dumps({"compose_variables": {"A": "x" * 1_000_000}}),
    "a nested list": '{"name": ' + "[" * 900 + "]" * 900 + "}",
    "ten megabytes": json.dumps({"name": "x" * 10_000_000}),
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_a_large_body_is_refused_while_others_are_served(
    shared_service: Service, body: str
) -> None:
    _master, worker, *_commands = shared_service.processes
    before, spent = worker.memory_info().rss, processor_seconds(worker)
    headers = {"Content-Type": "application/json"}
    for _ in range(3):
        with Asking(shared_service.url):
            answer = shared_service.post("/stacks", data=body, headers=headers)
        assert answer.status_code == (413 if len(body) > 1024**2 else 422)
        assert len(answer.content) < 100_000
    # Of the processor, which is the same on a busy machine. All others would wait for it.
    assert processor_seconds(worker) - spent < 3
    wait_until(lambda: worker.memory_info().rss < before + 20 * 1024**2, "it gives memory back")


def processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@pytest.mark.parametrize(
    ("framing", "part"),
    [
        ("Content-Length: 1073741824", bytes(1024**2)),
        pytest.param("Transfer-Encoding: chunked", b"1\r\nx\r\n" * 100_000, marks=pytest.mark.long),
    ],
    ids=["a length", "tiny chunks"],
)
def test_uploads_of_strangers_stop_nobody_and_are_ended(
    shared_service: Service, framing: str, part: bytes
) -> None:
    def upload() -> None:
        with connect(shared_service) as connection, suppress(OSError):
            connection.sendall(request("POST", f"/stacks/{uuid4()}/webhook", framing))
            while True:
                connection.sendall(part)

    uploads = [threading.Thread(target=upload) for _ in range(2)]
    with Asking(shared_service.url) as others:
        for thread in uploads:
            thread.start()
        for thread in uploads:
            thread.join(timeout=100)
    assert not any(thread.is_alive() for thread in uploads)
    # Where one upload keeps the others waiting, it is one or two.
    assert len(others.took) > 5

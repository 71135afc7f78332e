"""The service's own log: one line an event, with the ids of request and run, without secrets."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests

from tests.support.engine import Engine
from tests.support.service import API_KEY, SECRET_KEY_BASE, Service
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

Event = dict[str, Any]
Said = Callable[[], list[Event]]


@pytest.fixture(scope="module")
def json_service(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    settings = {"SUPERVISOR_LOG_FORMAT": "json", "SUPERVISOR_LOG_LEVEL": "debug"}
    service = Service(tmp_path_factory.mktemp("json"), engine, **settings).start()
    yield service
    service.close()


@pytest.fixture
def said(json_service: Service) -> Said:
    """Return what was logged since the test began; each line has to be an event."""
    # A request's line comes after its answer: with this one's, those of earlier tests are there.
    mark = uuid4().hex
    json_service.get("/stacks", headers={"X-Request-Id": mark})
    wait_until(lambda: mark in json_service.log_text, "the mark is logged")
    before = len(json_service.log_text)
    return lambda: list(map(json.loads, json_service.log_text[before:].splitlines()))


def requests_logged(said: Said, count: int) -> list[Event]:
    """Return the requests' events, once there are as many."""

    def found() -> list[Event] | None:
        access = [event for event in said() if event["logger"] == "supervisor.access"]
        return access if len(access) >= count else None

    return wait_until(found, f"{count} requests are in the log")


def test_json_has_one_object_a_line_from_the_first_line_on(json_service: Service) -> None:
    json_service.get("/stacks")
    # The line comes after the answer.
    wait_until(lambda: '"supervisor.access"' in json_service.log_text, "the request is logged")
    found = [json.loads(line) for line in json_service.log_text.splitlines()]
    assert {event["logger"] for event in found} >= {"gunicorn.error", "supervisor.access"}
    for event in found:
        assert {"time", "level", "logger", "message"} <= set(event)
        assert event["level"] in ("debug", "info", "warning", "error")


def test_a_request_has_an_id_that_is_answered_and_logged(json_service: Service, said: Said) -> None:
    given = json_service.get("/stacks", headers={"X-Request-Id": "proxy-1.a_B"})
    assert given.headers["X-Request-Id"] == "proxy-1.a_B"
    made = [json_service.get("/nothing/here?secret=canary-in-a-query") for _ in range(2)]
    ids = [answer.headers["X-Request-Id"] for answer in made]
    assert len({*ids}) == 2
    first, second, third = requests_logged(said, 3)
    assert first["request"] == "proxy-1.a_B"
    assert (first["method"], first["path"], first["status"]) == ("GET", "/stacks", 200)
    assert 0 <= first["ms"] < 30_000
    assert [second["request"], third["request"]] == ids
    assert (second["path"], second["status"]) == ("/nothing/here", 404)
    assert "canary" not in json_service.log_text


@pytest.mark.parametrize("wrong", ["x" * 129, "a b", 'a"', "a\tb", "é", "a;b", ""])
def test_an_id_that_could_be_anything_is_replaced(shared_service: Service, wrong: str) -> None:
    answer = shared_service.get("/stacks", headers={"X-Request-Id": wrong.encode()})
    assert answer.headers["X-Request-Id"] not in ("", wrong)


def test_what_a_run_logs_has_the_id_of_the_run(json_service: Service, said: Said) -> None:
    stack = json_service.create_stack(git_repository="file:///nowhere.git")
    run = json_service.wait_for_run(stack["uuid"], status="failed")
    of_run = [event for event in said() if event.get("run") == run["uuid"]]
    assert len(of_run) >= 2
    assert {event["logger"] for event in of_run} == {"supervisor.runner"}
    assert not any("request" in event for event in of_run)


def test_probes_leave_no_line(json_service: Service, said: Said) -> None:
    for path in ("/up", "/up/", "/up?x=1"):
        requests.get(json_service.url + path, timeout=5)
    json_service.get("/stacks")
    (logged,) = requests_logged(said, 1)
    assert logged["path"] == "/stacks"


def test_strangers_cannot_fill_the_log(json_service: Service, said: Said) -> None:
    for number in range(50):
        requests.get(f"{json_service.url}/stacks/{number}", timeout=5)
    json_service.get("/stacks")
    logged = requests_logged(said, 2)
    assert len([event for event in logged if event["status"] == 401]) <= 2
    assert logged[-1]["status"] == 200


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_services_own_keys_are_masked_wherever_they_turn_up(
    shared_service: Service, json_service: Service, form: str
) -> None:
    service = shared_service if form == "text" else json_service
    forged = quote("\n2026-01-01T00:00:00.000Z ERROR root: login\r\x1b[2K\u2028")
    assert service.get(f"/{API_KEY}/{SECRET_KEY_BASE}{forged}").status_code == 404
    wait_until(lambda: "********" in service.log_text, "the request is in the log")
    assert API_KEY not in service.log_text
    assert SECRET_KEY_BASE not in service.log_text
    assert "\x1b" not in service.log_text
    for line in service.log_text.splitlines():
        assert line.startswith("20" if form == "text" else "{")
        assert not line.startswith("2026-01-01T00:00:00.000Z ERROR")


def test_text_has_the_ids_too(shared_service: Service) -> None:
    shared_service.get("/stacks", headers={"X-Request-Id": "proxy-1"})
    wait_until(lambda: "request=proxy-1" in shared_service.log_text, "the request is in the log")
    (line,) = [line for line in shared_service.log_text.splitlines() if "proxy-1" in line]
    assert re.search(r"Z INFO    supervisor.access: GET /stacks: 200 in \d+ ms request=", line)

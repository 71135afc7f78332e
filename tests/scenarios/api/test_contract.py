"""The API, request by request, as the contract's table has it; over HTTP, with a real stack."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from tests.support.engine import Engine
from tests.support.repository import Repository, two_services
from tests.support.service import SIGNATURE_SECRET, Service
from tests.support.triggers import signature
from tests.support.waiting import wait_until

NOBODY = "00000000-0000-4000-8000-000000000000"  # the id of no stack and no run

MASK = "********"
UUID_FORM = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# A repository that isn't there: its runs end quickly, and nothing comes up.
NOWHERE = "file:///nowhere/at/all.git"
VARIABLES = {"COLOUR": "blue", "DB_PASSWORD": "pa$$ word", "EMPTY": ""}
IDLE: dict[str, Any] = {
    "git_repository": NOWHERE,
    "git_username": "ada",
    "git_token": "git-token-value",
    "compose_variables": VARIABLES,
}
COMMANDS = ("start", "stop", "restart", "redeploy", "pause", "unpause")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("contract") / "repository")
    repository.commit(two_services("1"))
    return repository


@pytest.fixture(scope="module")
def deployed(shared_service: Service, files: Repository) -> dict[str, Any]:
    """A stack that runs; the tests that use it leave it as it is."""
    stack = shared_service.create_stack(git_repository=files.url, compose_variables=VARIABLES)
    shared_service.wait_for_run(stack["uuid"])
    return stack


@pytest.fixture
def fresh(shared_service: Service) -> dict[str, Any]:
    """A stack whose runs do nothing, and whose first one is over."""
    stack = shared_service.create_stack(**IDLE)
    shared_service.wait_for_run(stack["uuid"], status="failed")
    return stack


@pytest.fixture(scope="module")
def reused(shared_service: Service) -> dict[str, Any]:
    return shared_service.create_stack(**IDLE)


@pytest.fixture
def idle(shared_service: Service, reused: dict[str, Any]) -> dict[str, Any]:
    """The one stack that many tests change, as it was at first, with nothing left to run."""
    uuid = reused["uuid"]
    first = IDLE | {"name": reused["name"], "signature_secret": SIGNATURE_SECRET}
    again = shared_service.put(f"/stacks/{uuid}", json=reused | first)
    assert again.status_code == 200
    wait_until(
        lambda: all(run["finished_at"] for run in shared_service.runs(uuid)), "all runs are over"
    )
    stack: dict[str, Any] = shared_service.get(f"/stacks/{uuid}").json()
    return stack


def run_of(service: Service, answer: requests.Response, uuid: str) -> dict[str, Any]:
    """Return the run that an answer's Location names."""
    location = answer.headers["Location"]
    assert re.fullmatch(f"/stacks/{uuid}/runs/{UUID_FORM}", location)
    shown = service.get(location)
    assert shown.status_code == 200
    run: dict[str, Any] = shown.json()
    assert location.endswith(run["uuid"])
    return run


def is_time(text: str) -> bool:
    return datetime.fromisoformat(text).utcoffset() is not None


# POST /stacks


def test_post_answers_201_with_the_stack_and_its_place_and_queues_a_deploy(
    shared_service: Service,
) -> None:
    name = f"new {uuid4()}"
    answer = shared_service.post(
        "/stacks",
        json={
            "name": name,
            "git_repository": NOWHERE,
            "git_reference": "main",
            "compose_file": "compose.yml",
            "compose_includes": ["deep/more.yml"],
            "strategy": "polling",
            "polling_interval": "300",
        },
    )
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    stack = answer.json()
    assert answer.headers["Location"] == f"/stacks/{stack['uuid']}"
    assert str(UUID(stack["uuid"])) == stack["uuid"]
    expected = {
        "name": name,
        "git_repository": NOWHERE,
        "git_reference": "main",
        "git_username": None,
        "git_token": None,
        "compose_file": "compose.yml",
        "compose_includes": ["deep/more.yml"],
        "compose_variables": {},
        "strategy": "polling",
        "polling_interval": 300,
        "signature_header": None,
        "signature_secret": None,
    }
    assert {key: stack[key] for key in expected} == expected
    assert is_time(stack["created_at"])
    assert shared_service.get(answer.headers["Location"]).json()["name"] == name
    (run,) = shared_service.runs(stack["uuid"])
    assert (run["action"], run["trigger"]) == ("deploy", "api")


@pytest.mark.parametrize("path", ["/stacks", "/stacks/"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["flat", "wrapped"])
def test_post_takes_flat_and_wrapped_bodies_on_both_paths(
    shared_service: Service, path: str, wrapped: bool
) -> None:
    fields = {
        "name": f"stack {uuid4()}",
        "git_repository": NOWHERE,
        "git_reference": "refs/tags/v1",
        "compose_file": "compose.yml",
        "strategy": "webhook",
        "signature_header": "X-Hub-Signature-256",
        "signature_secret": SIGNATURE_SECRET,
    }
    answer = shared_service.post(path, json={"stack": fields} if wrapped else fields)
    assert answer.status_code == 201
    assert answer.json()["name"] == fields["name"]
    assert answer.json()["signature_secret"] == MASK


def test_invalid_fields_are_answered_with_422_and_the_messages_of_each(
    shared_service: Service, idle: dict[str, Any]
) -> None:
    answer = shared_service.post(
        "/stacks",
        json={
            "name": idle["name"],
            "git_repository": "ftp://example.org/shop.git",
            "git_reference": "",
            "compose_file": "../compose.yml",
            "strategy": "hope",
            "polling_interval": 0,
            "colour": "blue",
        },
    )
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "error": {
            "git_repository": ["scheme must be one of file, ssh, http, or https"],
            "git_reference": ["can't be blank"],
            "compose_file": ["must be a path inside the repository"],
            "strategy": ["is not included in the list"],
            "polling_interval": ["must be greater than 0"],
            "colour": ["is not a known field"],
        }
    }


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"git_repository": "no url"}, "git_repository", "is not a valid URL"),
        ({"strategy": "polling"}, "polling_interval", "can't be blank"),
        ({"signature_header": None}, "signature_header", "can't be blank"),
        ({"signature_secret": None}, "signature_secret", "can't be blank"),
    ],
)
def test_each_broken_rule_has_its_message(
    shared_service: Service, changes: dict[str, Any], field: str, message: str
) -> None:
    fields = {
        "name": f"stack {uuid4()}",
        "git_repository": NOWHERE,
        "git_reference": "main",
        "compose_file": "compose.yml",
        "strategy": "webhook",
        "signature_header": "X-Signature",
        "signature_secret": SIGNATURE_SECRET,
    }
    answer = shared_service.post("/stacks", json=fields | changes)
    assert answer.status_code == 422
    assert answer.json() == {"error": {field: [message]}}


def test_a_taken_name_is_answered_with_422(shared_service: Service, idle: dict[str, Any]) -> None:
    fields = {key: idle[key] for key in ("name", "git_repository", "git_reference")} | {
        "compose_file": "compose.yml",
        "strategy": "polling",
        "polling_interval": 60,
    }
    answer = shared_service.post("/stacks", json=fields)
    assert answer.status_code == 422
    assert answer.json() == {"error": {"name": ["has already been taken"]}}


# GET /stacks, GET /stacks/<uuid>


@pytest.mark.parametrize("path", ["/stacks", "/stacks/"])
def test_the_list_names_every_stack_with_an_overview(
    shared_service: Service, deployed: dict[str, Any], path: str
) -> None:
    answer = shared_service.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    (entry,) = [entry for entry in answer.json() if entry["uuid"] == deployed["uuid"]]
    assert entry["name"] == deployed["name"]
    assert entry["strategy"] == "webhook"
    assert entry["healthy"] is True
    assert is_time(entry["last_run"])
    assert not {"git_token", "signature_secret", "compose_variables"} & set(entry)


def test_a_stack_is_shown_with_its_secrets_as_asterisks(
    shared_service: Service, idle: dict[str, Any]
) -> None:
    answer = shared_service.get(f"/stacks/{idle['uuid']}")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["git_username"] == "ada"
    assert shown["git_token"] == MASK
    assert shown["signature_secret"] == MASK
    assert shown["compose_variables"] == {"COLOUR": "blue", "DB_PASSWORD": MASK, "EMPTY": ""}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/stats"),
        ("POST", "/webhook"),
        ("POST", "/control"),
        ("GET", "/log"),
        ("GET", "/log?follow=true"),
        ("GET", "/runs"),
        ("GET", f"/runs/{NOBODY}"),
    ],
)
def test_an_unknown_stack_is_404_on_every_path(
    shared_service: Service, method: str, path: str
) -> None:
    answer = shared_service.request(method, f"/stacks/{uuid4()}{path}", json={"command": "start"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"error": "Stack not found"}


# PATCH and PUT


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    "change",
    [
        {"compose_file": "other.yml"},
        {"compose_includes": ["more.yml"]},
        {"compose_variables": {"COLOUR": "red"}},
        {"git_reference": "refs/heads/next"},
        {"git_repository": "file:///nowhere/else.git"},
        {"git_username": "grace"},
        {"git_token": "another-token"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_what_runs_queues_a_redeploy(
    shared_service: Service, idle: dict[str, Any], method: str, change: dict[str, Any]
) -> None:
    answer = shared_service.request(method, f"/stacks/{idle['uuid']}", json=change)
    assert answer.status_code == 200
    run = run_of(shared_service, answer, idle["uuid"])
    assert (run["action"], run["trigger"]) == ("redeploy", "api")
    masked = {"git_token": MASK}
    assert answer.json() | change | masked == answer.json() | masked
    kept = set(idle) - set(change) - {"updated_at", "healthy", "last_run", "last_status"}
    assert {key: answer.json()[key] for key in kept} == {key: idle[key] for key in kept}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "A new name"},
        {"polling_interval": 3600},
        {"strategy": "polling", "polling_interval": 3600},
        {"signature_header": "X-Other"},
        {"signature_secret": "another-secret"},
        {},
    ],
    ids=lambda change: next(iter(change), "nothing"),
)
def test_a_change_of_the_rest_takes_effect_without_a_run(
    shared_service: Service, idle: dict[str, Any], change: dict[str, Any]
) -> None:
    before = shared_service.runs(idle["uuid"])
    answer = shared_service.patch(f"/stacks/{idle['uuid']}", json=change)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert answer.json()["project"] == idle["project"]
    shown = shared_service.get(f"/stacks/{idle['uuid']}").json()
    masked = {"signature_secret": MASK}
    assert shown | change | masked == shown
    assert shared_service.runs(idle["uuid"]) == before


def test_a_value_that_is_there_already_queues_nothing(
    shared_service: Service, idle: dict[str, Any]
) -> None:
    same = {"git_token": "git-token-value", "git_repository": NOWHERE}
    answer = shared_service.patch(f"/stacks/{idle['uuid']}", json={"stack": same})
    assert answer.status_code == 200
    assert "Location" not in answer.headers


def test_a_get_can_be_edited_and_put(shared_service: Service, idle: dict[str, Any]) -> None:
    shown = shared_service.get(f"/stacks/{idle['uuid']}").json()
    unchanged = shared_service.put(f"/stacks/{idle['uuid']}", json=shown)
    assert unchanged.status_code == 200, unchanged.text
    assert "Location" not in unchanged.headers

    shown["name"] = f"edited {uuid4()}"
    edited = shared_service.put(f"/stacks/{idle['uuid']}", json={"stack": shown})
    assert edited.status_code == 200
    assert edited.json()["name"] == shown["name"]
    assert edited.json()["git_token"] == MASK
    # The masks stood for what was there: the old secret still opens the webhook.
    sent = deliver(shared_service, idle["uuid"], b"{}", SIGNATURE_SECRET)
    assert sent.status_code == 202


def test_a_mask_means_unchanged_beside_variables_that_change(
    shared_service: Service, idle: dict[str, Any]
) -> None:
    variables = {"DB_PASSWORD": MASK, "COLOUR": "red"}
    answer = shared_service.patch(f"/stacks/{idle['uuid']}", json={"compose_variables": variables})
    assert answer.status_code == 200
    assert answer.json()["compose_variables"] == {"DB_PASSWORD": MASK, "COLOUR": "red"}
    # The very same object again is no change, so the former password was kept.
    again = {"compose_variables": {"DB_PASSWORD": VARIABLES["DB_PASSWORD"], "COLOUR": "red"}}
    assert "Location" not in shared_service.patch(f"/stacks/{idle['uuid']}", json=again).headers


@pytest.mark.parametrize(
    "change",
    [
        {"compose_variables": {"NEW_PASSWORD": MASK}},
        {"name": "x", "polling_interval": 0},
        {"uuid": NOBODY},
        {"strategy": "polling"},
        {"signature_secret": None},
        {"name": None},
        {"nmae": "x"},
    ],
    ids=str,
)
def test_a_refused_change_changes_nothing(
    shared_service: Service, idle: dict[str, Any], change: dict[str, Any]
) -> None:
    path = f"/stacks/{idle['uuid']}"
    before = shared_service.get(path).json()
    answer = shared_service.patch(path, json=change)
    assert answer.status_code == 422
    assert set(answer.json()["error"]) <= {*change, "polling_interval"}
    assert shared_service.get(path).json() == before


# DELETE


def test_delete_answers_204_and_the_stack_is_gone_when_its_containers_are(
    shared_service: Service, engine: Engine, files: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=files.url)
    path = f"/stacks/{stack['uuid']}"
    shared_service.wait_for_run(stack["uuid"])
    assert set(engine.containers(stack["project"])) == {"web", "db"}

    answer = shared_service.delete(path)
    assert answer.status_code == 204
    assert answer.content == b""
    assert re.fullmatch(f"{path}/runs/{UUID_FORM}", answer.headers["Location"])
    shown = shared_service.get(path)
    if shown.status_code == 200:  # unless the teardown was quicker than this request
        assert shown.json()["state"] == "deleting"
    wait_until(lambda: shared_service.get(path).status_code == 404, "the stack is gone")
    assert engine.containers(stack["project"]) == {}
    assert shared_service.delete(path).status_code == 404
    assert shared_service.get(answer.headers["Location"]).json() == {"error": "Stack not found"}


# Stats


def test_stats_count_runs_and_say_how_checks_fare(
    shared_service: Service, fresh: dict[str, Any]
) -> None:
    answer = shared_service.get(f"/stacks/{fresh['uuid']}/stats")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    stats = answer.json()
    assert (stats["uuid"], stats["processed"], stats["failed"]) == (fresh["uuid"], 1, 1)
    assert (stats["last_action"], stats["last_status"]) == ("deploy", "failed")
    assert is_time(stats["last_run"])
    assert stats["last_check"] is None
    assert stats["next_check"] is None  # neither polling nor a safety net
    assert stats["check_failures"] == 0


# The webhook


def deliver(
    service: Service, uuid: str, body: bytes, secret: str, name: str = "X-Hub-Signature-256"
) -> requests.Response:
    """Send a delivery as a forge does, without the key."""
    headers = {name: signature(body, secret), "Content-Type": "application/json"}
    return requests.post(
        f"{service.url}/stacks/{uuid}/webhook", data=body, headers=headers, timeout=30
    )


def test_a_signed_delivery_is_answered_with_202_and_its_run(
    shared_service: Service, deployed: dict[str, Any]
) -> None:
    body = b'{"ref": "refs/heads/main"}'
    answer = deliver(shared_service, deployed["uuid"], body, SIGNATURE_SECRET)
    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == "application/json"
    run = run_of(shared_service, answer, deployed["uuid"])
    assert answer.json() == {"message": "Webhook received", "run": run["uuid"]}
    assert (run["action"], run["trigger"]) == ("webhook", "webhook")
    shared_service.wait_for_run(deployed["uuid"], run["uuid"], status="skipped")


def test_a_wrong_signature_is_answered_with_400(
    shared_service: Service, deployed: dict[str, Any]
) -> None:
    answer = deliver(shared_service, deployed["uuid"], b"{}", "not the secret")
    assert answer.status_code == 400
    assert answer.json() == {"error": "Payload signature is invalid"}


def test_a_delivery_for_a_polling_stack_is_answered_with_409(shared_service: Service) -> None:
    stack = shared_service.create_stack(
        git_repository=NOWHERE, strategy="polling", polling_interval=3600
    )
    answer = deliver(shared_service, stack["uuid"], b"{}", SIGNATURE_SECRET)
    assert answer.status_code == 409
    assert answer.json() == {"error": "Stack strategy is not webhook"}


# Control


def test_each_command_is_answered_with_204_and_does_what_it_says(
    shared_service: Service, engine: Engine, files: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=files.url)
    uuid = stack["uuid"]
    shared_service.wait_for_run(uuid)
    states = {"stop": "stopped", "pause": "paused"}
    for command in ("pause", "unpause", "restart", "stop", "start", "redeploy"):
        answer = shared_service.post(f"/stacks/{uuid}/control", json={"command": command})
        assert answer.status_code == 204
        assert answer.content == b""
        run = run_of(shared_service, answer, uuid)
        assert run["action"] == command
        shared_service.wait_for_run(uuid, run["uuid"])
        shown = shared_service.get(f"/stacks/{uuid}").json()
        assert shown["state"] == states.get(command, "active")
        assert bool(engine.containers(stack["project"], running=True)) == (command != "stop")


@pytest.mark.parametrize("body", [{"command": "down"}, {"command": None}, {"command": 1}, {}])
def test_another_command_is_answered_with_400(
    shared_service: Service, idle: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = shared_service.post(f"/stacks/{idle['uuid']}/control", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "Invalid control command"}


@pytest.mark.parametrize(
    "body",
    [
        r'{"command": "suspend", "reason": "half a character: \ud800"}',
        r'{"command": "suspend", "reason": "NUL: \u0000"}',
        '{"command": "suspend", "until": "9999-12-31T23:59:59-14:00"}',
        '{"command": "suspend", "until": "0001-01-01T00:00:00+14:00"}',
        '{"command": "cancel", "until": 5}',
        '{"command": "stop", "reason": 5}',
    ],
)
def test_a_reason_and_a_time_that_cannot_be_are_answered_with_400(
    shared_service: Service, idle: dict[str, Any], body: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = shared_service.post(f"/stacks/{idle['uuid']}/control", data=body, headers=headers)
    assert answer.status_code == 400
    assert re.match("(reason|until) must be ", answer.json()["error"])
    assert not shared_service.get(f"/stacks/{idle['uuid']}").json()["suspended"]


# The log and the history


def test_the_log_has_the_newest_finished_runs_oldest_first_with_strings_only(
    shared_service: Service, fresh: dict[str, Any]
) -> None:
    uuid = fresh["uuid"]
    # Before the first deploy succeeds there is nothing to stop: quick failures, in this order.
    for command in ("stop", "restart"):
        run = run_of(
            shared_service,
            shared_service.post(f"/stacks/{uuid}/control", json={"command": command}),
            uuid,
        )
        shared_service.wait_for_run(uuid, run["uuid"], status="failed")
    answer = shared_service.get(f"/stacks/{uuid}/log?entries=100")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    entries = answer.json()
    assert [entry["action"] for entry in entries] == ["deploy", "stop", "restart"]
    for entry in entries:
        assert {"run_at", "action", "status", "message"} <= set(entry)
        assert all(isinstance(value, str) for value in entry.values())
        assert entry["status"] == "failed"
        assert entry["message"]
        assert is_time(entry["run_at"])
    assert shared_service.get(f"/stacks/{uuid}/log?entries=2").json() == entries[-2:]
    assert shared_service.get(f"/stacks/{uuid}/log").json() == entries[-1:]
    assert shared_service.get(f"/stacks/{uuid}/log?follow=false").json() == entries[-1:]


def test_the_log_says_succeeded_where_a_run_did(
    shared_service: Service, deployed: dict[str, Any]
) -> None:
    first = shared_service.get(f"/stacks/{deployed['uuid']}/log?entries=100").json()[0]
    assert (first["action"], first["status"]) == ("deploy", "succeeded")
    assert all(isinstance(value, str) for value in first.values())


def test_the_followed_log_is_a_stream_that_no_proxy_keeps_back(
    shared_service: Service, idle: dict[str, Any]
) -> None:
    with shared_service.follow(idle["uuid"]) as follower:
        headers = follower.response.headers
        assert headers["Content-Type"].split(";")[0] == "text/event-stream"
        assert "no-cache" in headers["Cache-Control"]
        assert headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in headers
        shared_service.post(f"/stacks/{idle['uuid']}/control", json={"command": "stop"})
        *output, last = follower.until("message")
    assert follower.retry
    assert follower.comments
    assert {event.name for event in output} <= {"output"}
    assert last.id
    assert last.data == shared_service.get(f"/stacks/{idle['uuid']}/log").json()[0]
    for event in (*output, last):
        assert all(isinstance(value, str) for value in event.data.values())


def test_the_history_is_read_page_by_page(shared_service: Service, fresh: dict[str, Any]) -> None:
    path = f"/stacks/{fresh['uuid']}/runs"
    for command in COMMANDS[:3]:
        run = run_of(
            shared_service,
            shared_service.post(f"/stacks/{fresh['uuid']}/control", json={"command": command}),
            fresh["uuid"],
        )
        shared_service.wait_for_run(fresh["uuid"], run["uuid"], status="failed")
    everything = shared_service.get(path).json()
    assert everything["next"] is None
    actions = [run["action"] for run in everything["runs"]]
    assert actions == ["restart", "stop", "start", "deploy"]
    first = shared_service.get(f"{path}?count=3").json()
    assert first["runs"] == everything["runs"][:3]
    second = shared_service.get(f"{path}?count=3&before={first['next']}").json()
    assert second == {"runs": everything["runs"][3:], "next": None}


def test_a_run_is_shown_with_its_commits_times_and_output(
    shared_service: Service, deployed: dict[str, Any], files: Repository
) -> None:
    uuid = deployed["uuid"]
    oldest = shared_service.runs(uuid)[-1]
    run = shared_service.get(f"/stacks/{uuid}/runs/{oldest['uuid']}").json()
    assert {key: run[key] for key in oldest} == oldest
    assert (run["action"], run["trigger"], run["status"]) == ("deploy", "api", "succeeded")
    assert (run["commit_before"], run["commit_after"]) == (None, files.head)
    assert run["message"]
    assert all(is_time(run[key]) for key in ("created_at", "started_at", "finished_at"))
    assert run["output"]
    assert all(isinstance(line, str) for line in run["output"])


def test_a_run_is_found_below_its_own_stack_only(
    shared_service: Service, deployed: dict[str, Any], idle: dict[str, Any]
) -> None:
    run = shared_service.runs(deployed["uuid"])[-1]
    answer = shared_service.get(f"/stacks/{idle['uuid']}/runs/{run['uuid']}")
    assert answer.status_code == 404
    assert answer.json() == {"error": "Run not found"}


@pytest.mark.parametrize(
    "query",
    [
        "log?entries=0",
        "log?entries=101",
        "log?entries=x",
        "log?entries=",
        "log?follow=maybe",
        "runs?count=0",
        "runs?count=101",
        "runs?before=nobody",
        "runs?before=",
    ],
)
def test_a_query_out_of_range_is_answered_with_400(
    shared_service: Service, idle: dict[str, Any], query: str
) -> None:
    answer = shared_service.get(f"/stacks/{idle['uuid']}/{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


# /up, and what is not there


def test_up_answers_without_the_key_that_everything_is_ok(shared_service: Service) -> None:
    answer = requests.get(f"{shared_service.url}/up", timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) == {"code", "status"}
    assert answer.json()["code"] == 200
    status = answer.json()["status"]
    assert {"database", "migrations", "environment", "engine", "scheduler"} <= set(status)
    assert set(status.values()) == {"ok"}


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/", 404, "Not found"),
        ("GET", "/stack", 404, "Not found"),
        ("POST", "/stacks/x/y", 404, "Not found"),
        ("DELETE", "/stacks", 405, "Method not allowed"),
        ("GET", "/stacks/x/control", 405, "Method not allowed"),
        ("POST", "/up", 405, "Method not allowed"),
    ],
)
def test_what_is_not_there_is_said_in_json(
    shared_service: Service, method: str, path: str, status: int, error: str
) -> None:
    answer = shared_service.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"error": error}
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(("method", "path"), [("POST", "/stacks"), ("PATCH", "/stacks/{}")])
def test_broken_json_is_answered_with_400(
    shared_service: Service, idle: dict[str, Any], method: str, path: str
) -> None:
    answer = shared_service.request(
        method,
        path.format(idle["uuid"]),
        data=b'{"name": ',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The body is not valid JSON")

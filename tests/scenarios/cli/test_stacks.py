"""`supervisor stacks` does what the API does, for people and for scripts."""

import http.server
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from supervisor.cli.stacks import COMMANDS
from tests.conftest import StartService
from tests.support.command import COMMAND, refuses, succeeds
from tests.support.repository import Repository
from tests.support.service import API_KEY, SECRET_KEY_BASE, Service
from tests.support.triggers import control, webhook
from tests.support.waiting import wait_until

NOWHERE = "file:///nowhere.git"


@pytest.fixture
def stack(shared_service: Service) -> Iterator[dict[str, Any]]:
    """A stack whose deploys fail at once."""
    stack = shared_service.create_stack(git_repository=NOWHERE)
    shared_service.wait_for_run(stack["uuid"], status="failed")
    yield stack
    shared_service.delete(f"/stacks/{stack['uuid']}")


def test_the_list_is_a_table_or_what_the_api_answered(
    shared_service: Service, stack: dict[str, Any]
) -> None:
    head, *lines = succeeds(shared_service, "stacks", "list").splitlines()
    assert head.split()[:4] == ["name", "uuid", "state", "healthy"]
    (line,) = [line for line in lines if line.startswith(stack["name"])]
    assert line.split()[1:3] == [stack["uuid"][:8], "active"]
    assert line.split()[-1] == "failed"
    ended = shared_service.get(f"/stacks/{stack['uuid']}").json()["last_run"]
    assert line.split()[-2] == f"{ended[:16]}Z"
    answered = json.loads(succeeds(shared_service, "stacks", "list", "--json"))
    assert answered == shared_service.get("/stacks").json()


@pytest.mark.long
def test_a_stack_is_found_by_its_name_and_by_its_uuid(
    shared_service: Service, stack: dict[str, Any]
) -> None:
    for name in (stack["name"].upper(), stack["uuid"], stack["uuid"][:8]):
        shown = json.loads(succeeds(shared_service, "stacks", "show", name, "--json"))
        assert shown["uuid"] == stack["uuid"]
    text = succeeds(shared_service, "stacks", "show", stack["name"])
    assert "There is no such repository" in text
    (run,) = shared_service.runs(stack["uuid"])
    assert f"{run['created_at'][:16]}Z " in text
    assert "\x1b" not in text
    assert "********" in text
    for name in ("nope", "../up", stack["uuid"][:3], ""):
        said = refuses(shared_service, "stacks", "show", "--", name, status=5)
        assert "no stack is called" in said


def test_a_command_is_queued_or_waited_for(shared_service: Service, stack: dict[str, Any]) -> None:
    name = stack["name"]
    assert "queued as run" in succeeds(shared_service, "stacks", "control", name, "redeploy")
    said = refuses(shared_service, "stacks", "control", name, "redeploy", "--wait")
    assert said.startswith("Error: failed: fetch: There is no such repository")
    reason = ("--reason", "moving house", "--until", "2999-01-31T12:00:00Z")
    assert succeeds(shared_service, "stacks", "control", name, "suspend", *reason) == "done\n"
    shown = shared_service.get(f"/stacks/{stack['uuid']}").json()
    assert shown["suspended_reason"] == "moving house"


def test_the_log_is_listed(shared_service: Service, stack: dict[str, Any]) -> None:
    (line,) = succeeds(shared_service, "stacks", "log", stack["name"]).splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ deploy failed fetch: There is no such", line)
    colourful = succeeds(shared_service, "stacks", "log", stack["name"], env={"FORCE_COLOR": "1"})
    assert "\x1b[1;31mdeploy failed" in colourful


def test_the_log_says_how_each_run_ended(shared_service: Service, repository: Repository) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    nothing_new = webhook(shared_service, stack["uuid"])
    shared_service.wait_for_run(stack["uuid"], nothing_new, status="skipped")
    good = (repository.path / "compose.yml").read_text()
    repository.commit({"compose.yml": good.replace("sleep", "no-such-program")})
    bad = webhook(shared_service, stack["uuid"])
    shared_service.wait_for_run(stack["uuid"], bad, status="failed")
    colourful = {"FORCE_COLOR": "1"}
    printed = succeeds(shared_service, "stacks", "log", stack["name"], env=colourful)
    ends = re.findall(r"\x1b\[1;(\d+)m(\w+ \w+)\x1b", printed)
    assert ends == [
        ("32", "deploy succeeded"),
        ("33", "webhook skipped"),
        ("31", "webhook rolled_back"),
    ]


def test_a_wrong_call_is_told_apart_and_says_what_is_right(
    shared_service: Service, stack: dict[str, Any]
) -> None:
    said = refuses(shared_service, "stacks", "control", stack["name"], "dance", status=2)
    assert all(f"'{command}'" in said for command in COMMANDS)
    said = refuses(shared_service, "stacks", "log", stack["name"], "-n", "0", status=2)
    assert "1<=x<=100" in said
    assert "10 by default" in succeeds(shared_service, "stacks", "log", "--help")


@contextmanager
def following(service: Service, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Follow a log into a file."""
    file = service.storage.parent / "followed"
    command = [COMMAND, "stacks", "log", "--follow", *arguments]
    environment = service.environment | {"SUPERVISOR_URL": service.url}
    with (
        file.open("w") as out,
        subprocess.Popen(command, env=environment, stdout=out, text=True) as process,
    ):
        try:
            yield process, file
        finally:
            process.kill()


def test_a_followed_log_goes_on_after_a_restart_with_nothing_missed_or_twice(
    start_service: StartService, repository: Repository
) -> None:
    service = start_service()
    stack = service.create_stack(git_repository=repository.url)
    uuid = stack["uuid"]
    service.wait_for_run(uuid)
    with following(service, "--json", "--entries", "1", stack["name"]) as (process, file):
        wait_until(lambda: "succeeded" in file.read_text(), "the first run is shown")
        service.terminate()
        service.start()
        service.wait_for_run(uuid, control(service, uuid, "restart"))
        wait_until(
            lambda: file.read_text().count('"status": "succeeded"') == 2, "the second run is shown"
        )
        said = succeeds(service, "stacks", "control", stack["name"], "stop", "--wait")
        assert said.startswith("succeeded: ")
        service.delete(f"/stacks/{uuid}")
        assert process.wait(60) == 0
    shown = [json.loads(line) for line in file.read_text().splitlines()]
    ends = [line["action"] for line in shown if line["status"] == "succeeded"]
    assert ends[:3] == ["deploy", "restart", "stop"]
    steps = [line["message"] for line in shown if line["action"] == "restart"]
    assert len(steps) == len(set(steps)) >= 2


@pytest.mark.long
def test_what_goes_wrong_has_a_status_and_says_what_to_do(shared_service: Service) -> None:
    for status, word, env in (
        (4, "the API key is wrong", {"SUPERVISOR_API_KEY": "canary-wrong-key-0123"}),
        (4, "must be printable ASCII", {"SUPERVISOR_API_KEY": "kéy"}),
        (4, "there is no API key", {"SUPERVISOR_API_KEY": ""}),
        (3, "Connection refused", {"SUPERVISOR_URL": "http://127.0.0.1:1"}),
        (3, "Name or service not known", {"SUPERVISOR_URL": "http://nowhere.invalid"}),
        (2, "must be an address such as", {"SUPERVISOR_URL": "file:///etc"}),
        (2, "must be an address such as", {"SUPERVISOR_URL": "http://["}),
        (1, "No such file or directory: /nowhere", {"SUPERVISOR_API_KEY_FILE": "/nowhere"}),
    ):
        if "SUPERVISOR_API_KEY_FILE" in env:
            env["SUPERVISOR_API_KEY"] = ""
        said = refuses(shared_service, "stacks", "list", status=status, env=env)
        assert word in said
        assert "canary" not in said


KEPT = f"SUPERVISOR_API_KEY={API_KEY}\nSUPERVISOR_SECRET_KEY_BASE={SECRET_KEY_BASE}\n"


@pytest.mark.parametrize("text", [API_KEY, f"{API_KEY}\n", KEPT])
def test_the_key_comes_from_a_file(shared_service: Service, tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    env = {"SUPERVISOR_API_KEY": "", "SUPERVISOR_API_KEY_FILE": str(file)}
    succeeds(shared_service, "stacks", "list", env=env)
    file.write_bytes(b"\xff")
    assert "printable ASCII" in refuses(shared_service, "stacks", "list", status=4, env=env)


def test_the_key_comes_from_the_storage_of_a_service_here_only(
    shared_service: Service, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text(KEPT)
    (tmp_path / "keys").chmod(0o600)
    env = {"SUPERVISOR_API_KEY": "", "SUPERVISOR_STORAGE": str(tmp_path)}
    for url in ("", shared_service.url, shared_service.url.replace("127.0.0.1", "localhost")):
        succeeds(shared_service, "stacks", "list", env=env | {"SUPERVISOR_URL": url})
    elsewhere = env | {"SUPERVISOR_URL": "http://192.0.2.1"}
    assert "no API key" in refuses(shared_service, "stacks", "list", status=4, env=elsewhere)


def test_the_address_is_where_the_service_listens(shared_service: Service) -> None:
    port = shared_service.url.rpartition(":")[2]
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        env = {"SUPERVISOR_URL": "", "SUPERVISOR_BIND": f"{host}:{port}"}
        assert succeeds(shared_service, "stacks", "list", "--json", env=env).startswith("[")
    env["SUPERVISOR_BIND"] = "[::]:1"
    said = refuses(shared_service, "stacks", "list", status=3, env=env)
    assert "nobody answers at http://[::1]:1: " in said
    env["SUPERVISOR_BIND"] = "3000"
    assert "must be an address" in refuses(shared_service, "stacks", "list", status=2, env=env)


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Some other server: sends away, and remembers what it was sent."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        self.send_response(301)
        self.send_header("Location", "https://elsewhere.example/stacks\x1b[2J")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def test_nothing_leads_the_command_elsewhere(
    shared_service: Service, tmp_path: Path, stack: dict[str, Any]
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password canary\n")
    netrc.chmod(0o600)
    with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = {
            "SUPERVISOR_URL": f"http://127.0.0.1:{server.server_port}",
            "NETRC": str(netrc),
        }
        said = refuses(shared_service, "stacks", "list", env=env)
        server.shutdown()
    assert "sends to https://elsewhere.example/stacks" in said
    assert "\x1b" not in said
    assert Elsewhere.seen == [f"Bearer {API_KEY}"]


def test_https_only_does_not_lock_the_command_out_on_the_same_machine(
    start_service: StartService,
) -> None:
    service = start_service(SUPERVISOR_FORCE_SSL="true")
    assert service.get("/stacks").status_code == 301
    assert succeeds(service, "stacks", "list", "--json") == "[]\n"

"""Supervisor behind Debian's nginx, with the configuration of examples/nginx, used with curl."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.engine import Engine
from tests.support.nginx import NAME, Nginx
from tests.support.repository import Repository
from tests.support.service import API_KEY, SIGNATURE_SECRET, Service
from tests.support.triggers import PUSH, signature

KEY = ("--header", f"Authorization: Bearer {API_KEY}")
SHOW = ("--include",)


@pytest.fixture
def service(start_service: StartService) -> Service:
    """A service as in the container image: https only."""
    return start_service(SUPERVISOR_FORCE_SSL="true", SUPERVISOR_BAD_SIGNATURES_PER_MINUTE="2")


@pytest.fixture
def nginx(service: Service, tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(tmp_path / "nginx", service.url) as nginx:
        yield nginx


def ask(nginx: Nginx, *arguments: str, plain: bool = False) -> str:
    """Return what curl prints."""
    done = subprocess.run(
        nginx.curl(*arguments, plain=plain), check=True, capture_output=True, timeout=60
    )
    return done.stdout.decode().replace("\r\n", "\n")


def create_stack(nginx: Nginx, engine: Engine, repository: Repository) -> dict[str, Any]:
    fields = {
        "name": "site",
        "git_repository": repository.url,
        "git_reference": "refs/heads/main",
        "compose_file": "compose.yml",
        "health_timeout": 0,
        "strategy": "webhook",
        "signature_header": "X-Hub-Signature-256",
        "signature_secret": SIGNATURE_SECRET,
    }
    stack: dict[str, Any] = json.loads(ask(nginx, *KEY, "--json", json.dumps(fields), "/stacks"))
    engine.claim(stack["project"])
    return stack


def test_what_comes_through_tls_is_answered_and_plain_http_is_not(nginx: Nginx) -> None:
    assert json.loads(ask(nginx, "/up"))["code"] == 200
    head, _, body = ask(nginx, *SHOW, *KEY, "/stacks").partition("\n\n")
    assert body == "[]\n"
    assert "Strict-Transport-Security: max-age=" in head
    assert "401" in ask(nginx, *SHOW, "/stacks").splitlines()[0]

    moved = ask(nginx, *SHOW, *KEY, "/stacks?a=b", plain=True).splitlines()
    assert " 301 " in moved[0]
    assert f"Location: https://{NAME}/stacks?a=b" in moved
    refused = ask(nginx, *SHOW, *KEY, "--json", "{}", "/stacks", plain=True)
    assert " 403 " in refused.splitlines()[0]
    assert "HTTPS only" in refused
    # What a client says of itself, nginx replaces.
    lie = ("--header", "X-Forwarded-Proto: https")
    assert " 301 " in ask(nginx, *SHOW, *KEY, *lie, "/stacks", plain=True).splitlines()[0]


def test_a_log_is_followed_line_by_line(
    nginx: Nginx, engine: Engine, repository: Repository
) -> None:
    """The stream never ends, so whatever a proxy collects would not arrive."""
    stack = create_stack(nginx, engine, repository)["uuid"]
    path = f"/stacks/{stack}/log?follow=true"
    command = nginx.curl(*KEY, "--no-buffer", "--max-time", "60", path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout
        read_until(follower.stdout, "event: message")  # its first deploy

        sign = ("--header", f"X-Hub-Signature-256: {signature(PUSH)}")
        ask(nginx, *sign, "--json", PUSH.decode(), f"/stacks/{stack}/webhook")
        lines = read_until(follower.stdout, "event: message")
        assert any(line.startswith("event: output") for line in lines)
        assert follower.poll() is None
        follower.terminate()


def read_until(stream: Any, wanted: str) -> list[str]:
    """Return the lines up to one; curl's own time limit ends a stream that stays silent."""
    lines: list[str] = []
    for line in stream:
        lines.append(line.rstrip("\n"))
        if lines[-1] == wanted:
            return lines
    raise AssertionError(f"no {wanted!r}: {lines[-10:]}")


def test_each_client_is_counted_by_itself(
    nginx: Nginx, engine: Engine, repository: Repository
) -> None:
    stack = create_stack(nginx, engine, repository)["uuid"]

    def statuses(address: str) -> list[str]:
        bad = ("--interface", address, "--header", "X-Hub-Signature-256: sha256=00", "--json", "{}")
        status = ("--output", "/dev/null", "--write-out", "%{http_code}")
        return [ask(nginx, *bad, *status, f"/stacks/{stack}/webhook") for _ in range(3)]

    assert statuses("127.0.0.2") == ["400", "400", "429"]
    assert statuses("127.0.0.3") == ["400", "400", "429"]


def test_a_body_over_the_limit_is_refused_by_supervisor_itself(
    nginx: Nginx, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_text(json.dumps({"name": "x" * 1_100_000}))
    answer = ask(nginx, *SHOW, *KEY, "--json", f"@{body}", "/stacks")
    assert "413" in answer
    assert json.loads(answer.rpartition("\n\n")[2]) == {"error": "The body is larger than 1 MiB"}

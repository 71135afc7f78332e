"""A thousand deliveries in ten seconds, for one stack."""

import json
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import ROOT
from tests.support.compose_files import compose, sleeper
from tests.support.engine import BASE_IMAGE, Engine
from tests.support.repository import Repository
from tests.support.service import UNFINISHED, Service
from tests.support.triggers import signature
from tests.support.waiting import wait_until

BODY = '{"ref": "refs/heads/main"}'


def gated(gate: Path, version: int) -> dict[str, str]:
    """Return a stack whose deploy lasts until there is a file in a folder."""
    wait = ["sh", "-c", "until [ -e /gate/open ]; do sleep 0.1; done"]
    job = {"image": BASE_IMAGE, "command": wait, "volumes": [f"{gate}:/gate:ro"]}
    after = {"job": {"condition": "service_completed_successfully"}}
    web = sleeper(environment={"VERSION": str(version)}, depends_on=after)
    return compose({"job": job, "web": web})


def posts(service: Service, path: str) -> "subprocess.Popen[str]":
    """Post a thousand deliveries in ten seconds, each on a connection of its own."""
    address = urlsplit(service.url)
    order = {"host": address.hostname, "port": address.port, "paths": [path], "body": BODY}
    order |= {"signature": signature(BODY.encode()), "rate": 100, "seconds": 10}
    pipe = subprocess.PIPE
    poster = subprocess.Popen(
        [sys.executable, "-m", "bench.hooks"], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    )
    assert poster.stdin
    poster.stdin.write(json.dumps(order))
    poster.stdin.close()
    return poster


@pytest.mark.row("C2")
def test_a_storm_during_a_deploy_gives_at_most_two_more_runs_and_the_newest_commit(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    repository = Repository(tmp_path / "repository")
    repository.commit(gated(gate, 0))
    stack = shared_service.create_stack(git_repository=repository.url)

    def runs() -> list[dict[str, Any]]:
        return shared_service.runs(stack["uuid"])

    wait_until(lambda: runs()[0]["step"] == "up", "the deploy waits for its job")
    pushed = 0
    try:
        with posts(shared_service, f"/stacks/{stack['uuid']}/webhook") as poster:
            while poster.poll() is None:
                pushed += 1
                repository.commit(gated(gate, pushed))
                threading.Event().wait(0.5)
            assert poster.stdout
            assert json.load(poster.stdout)["statuses"] == {"202": 1000}
    finally:
        (gate / "open").touch()

    wait_until(lambda: all(run["status"] not in UNFINISHED for run in runs()), "all have ended", 60)
    newest, *former = runs()
    assert len(former) <= 2
    assert sum(run["requests"] for run in (newest, *former)) == 1001
    assert newest["commit_after"] == repository.head
    times = [(run["started_at"], run["finished_at"]) for run in (*reversed(former), newest)]
    assert all(before[1] <= after[0] for before, after in pairwise(times)), times
    assert f"VERSION={pushed}" in engine.run_inside(stack["project"], "web", "env").splitlines()

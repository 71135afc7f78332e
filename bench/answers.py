"""How fast requests are answered: a list of many stacks, and webhooks at a steady pace."""

import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure, median, milliseconds, percentile
from bench.many import fill
from bench.stage import Stage
from tests.support import ROOT
from tests.support.repository import two_services
from tests.support.service import API_KEY, SIGNATURE_SECRET, Service

STACKS = 1000
LISTS = 100
LIST_GOAL = 0.020
SPREAD = 20
RATE = 100
CALM_RATE = 10  # still more than all forges of a small server send together
SECONDS = 10
HOOK_GOAL = 0.050


def measure(stage: Stage) -> list[Figure]:
    """Ask a service with many stacks."""
    service = stage.service()
    repository = stage.repository(two_services())
    uuids = fill(service, repository.url, repository.head, STACKS)
    service.start()
    lists = _list_times(service)
    paths = [f"/stacks/{uuid}/webhook" for uuid in uuids[:SPREAD]]
    _post(service, paths[:1], RATE, seconds=1)  # so that the mirror is there
    idle = _post(service, paths[:1], RATE)
    with _deploying(stage, service):
        calm = _post(service, paths[:1], CALM_RATE, seconds=3 * SECONDS)
        storm = _post(service, paths[:1], RATE)
    spread = _post(service, paths, RATE)
    return [
        Figure(
            f"GET /stacks with {STACKS:,} stacks, median",
            milliseconds(median(lists)),
            f"< {milliseconds(LIST_GOAL)}",
            median(lists) < LIST_GOAL,
            f"99 % within {milliseconds(percentile(lists, 0.99))}, {LISTS} requests",
        ),
        _hook_figure(f"webhooks at {RATE} a second to one stack, 99 %", idle),
        _hook_figure(f"at {CALM_RATE} a second while another stack is deployed, 99 %", calm),
        _hook_figure(f"at {RATE} a second while another stack is deployed, 99 %", storm, goal=None),
        _hook_figure(f"at {RATE} a second to {SPREAD} stacks in turn, 99 %", spread, goal=None),
    ]


def _hook_figure(what: str, found: dict[str, Any], goal: float | None = HOOK_GOAL) -> Figure:
    slowest = percentile(found["delays"], 0.99)
    good = set(found["statuses"]) == {"202"}
    return Figure(
        what,
        milliseconds(slowest),
        f"< {milliseconds(goal)}" if goal else "",
        good and slowest < goal if goal else None,
        f"median {milliseconds(median(found['delays']))}, answers: {found['statuses']}",
    )


def _list_times(service: Service) -> list[float]:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
    times = []
    for _ in range(LISTS):
        begun = time.monotonic()
        connection.request("GET", "/stacks", headers={"Authorization": f"Bearer {API_KEY}"})
        answer = connection.getresponse()
        content = answer.read()
        times.append(time.monotonic() - begun)
        assert answer.status == 200 and content.count(b'"uuid"') == STACKS, content[:500]
    connection.close()
    return times


def _post(service: Service, paths: list[str], rate: int, seconds: int = SECONDS) -> dict[str, Any]:
    address = urlsplit(service.url)
    body = '{"ref": "refs/heads/main"}'
    digest = hmac.new(SIGNATURE_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    order = {"host": address.hostname, "port": address.port, "paths": paths, "body": body}
    order |= {"signature": f"sha256={digest}", "rate": rate, "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "bench.hooks"],
        input=json.dumps(order),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=seconds + 60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def _deploying(stage: Stage, service: Service) -> Iterator[None]:
    """Deploy one stack again and again."""
    repository = stage.repository(two_services("1"))
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    enough = Event()

    def redeploy() -> None:
        for version in count(2):
            if enough.is_set():
                return
            repository.commit(two_services(str(version)))
            answer = service.post(f"/stacks/{uuid}/control", json={"command": "redeploy"})
            run = answer.headers["Location"].rpartition("/")[2]
            service.wait_for_run(uuid, run)

    thread = Thread(target=redeploy)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()

"""Many followers of one long log: what they get, how soon, and what memory they cost."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from bench.crowd import LINE
from bench.figures import Figure, milliseconds, percentile
from bench.stage import Stage, own_processes
from tests.support import ROOT
from tests.support.engine import BASE_IMAGE
from tests.support.service import API_KEY, Service

FOLLOWERS = 500
LINES = 1000
DELAY_GOAL = 0.200
MEMORY_GOAL = 100
MEGABYTE = 1024 * 1024
PLAIN = re.compile(LINE.pattern.decode())


def measure(stage: Stage) -> list[Figure]:
    """Build an image that prints its lines over some seconds, with everybody watching."""
    image = stage.engine.claim_image(f"{BASE_IMAGE}-bench")
    service = stage.service().start()
    repository = stage.repository({"compose.yml": _compose(image, "first")})
    uuid = service.create_stack(git_repository=repository.url)["uuid"]
    service.wait_for_run(uuid)
    with _memory(service) as sizes, _crowd(service, uuid) as crowd:
        repository.commit({"compose.yml": _compose(image, "followed")})
        service.post(f"/stacks/{uuid}/control", json={"command": "redeploy"})
        service.wait_for_run(uuid)
        time.sleep(1)  # the last line has to reach everybody
        found = json.loads(crowd.communicate(timeout=60)[0])
    repository.commit({"compose.yml": _compose(image, "bare")})
    return _figures(found, sizes, _bare_delays(repository.path))


def _figures(found: dict[str, Any], sizes: list[float], bare: list[float]) -> list[Figure]:
    slowest = percentile(found["delays"], 0.99)
    more = max(sizes) - sizes[0]
    everything = found["complete"] == FOLLOWERS and found["lines"] == LINES
    return [
        Figure(
            f"followers that got all {LINES:,} lines in order",
            f"{found['complete']} of {FOLLOWERS}",
            "all",
            everything,
            f"{len(found['delays']):,} lines were received",
        ),
        Figure(
            "a line from print to follower, 99 %",
            milliseconds(slowest),
            f"< {milliseconds(DELAY_GOAL)}",
            slowest < DELAY_GOAL,
            f"median {milliseconds(percentile(found['delays'], 0.5))}; "
            f"`docker compose build` alone holds it back {milliseconds(percentile(bare, 0.99))}",
        ),
        Figure(
            f"memory for the run and {FOLLOWERS} followers",
            f"{more:.0f} MB",
            f"< {MEMORY_GOAL} MB",
            more < MEMORY_GOAL,
            f"peak RSS of master + worker, above {sizes[0]:.0f} MB before",
        ),
    ]


def _compose(image: str, version: str) -> str:
    """Return a stack whose build prints the lines, each with the time when it was printed."""
    count = f"i=0; while [ $$i -lt {LINES} ]; do i=$$((i+1)); read up rest </proc/uptime"
    return f"""\
services:
  app:
    image: {image}
    command: ["sleep", "1000000"]
    stop_grace_period: 0s
    build:
      context: .
      dockerfile_inline: |
        FROM {BASE_IMAGE}
        RUN : {version} {image}; {count}; echo "bench $$i $$up end"; usleep 2000; done
"""


@contextmanager
def _crowd(service: Service, uuid: str) -> Iterator[subprocess.Popen[str]]:
    """Give the process of the followers, once all of them are connected."""
    address = urlsplit(service.url)
    path = f"/stacks/{uuid}/log?follow=true"
    order = [str(address.hostname), str(address.port), path, API_KEY, str(FOLLOWERS)]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.crowd", *order],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert crowd.stdout and crowd.stdout.readline() == "ready\n", "followers did not connect"
        yield crowd
    finally:
        crowd.kill()
        crowd.wait()


@contextmanager
def _memory(service: Service) -> Iterator[list[float]]:
    """Note the service's memory in megabytes: first before anything happens, then all the time."""
    sizes: list[float] = []
    enough = Event()

    def look() -> None:
        while True:
            rss = sum(process.memory_info().rss for process in own_processes(service))
            sizes.append(rss / MEGABYTE)
            if enough.wait(0.1):
                return

    thread = Thread(target=look)
    thread.start()
    time.sleep(0.3)
    try:
        yield sizes
    finally:
        enough.set()
        thread.join()


def _bare_delays(folder: Path) -> list[float]:
    """Return how long each line takes when Compose writes into a pipe of ours."""
    command = ["docker", "compose", "--progress", "plain", "build"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as build:
        assert build.stdout
        found = ((PLAIN.search(line), _uptime()) for line in build.stdout)
        return [came - float(match[2]) for match, came in found if match]


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

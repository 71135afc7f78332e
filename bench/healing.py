"""From a crash to the service being there again, and from a bad commit to the good one."""

import json
import time
from datetime import datetime

from bench.figures import Figure, median
from bench.push import Hooked, ours_on, served, wait_for_version
from bench.stage import Stage
from tests.support.compose_files import sleeper
from tests.support.engine import docker
from tests.support.service import Service
from tests.support.waiting import wait_until

ROUNDS = 3
HEALTH_TIMEOUT = 5
NEVER = {"test": ["CMD", "false"], "interval": "1s", "retries": 1000}


def measure(stage: Stage) -> list[Figure]:
    """Kill containers, then commit what never becomes healthy, and what exits at once."""
    service = stage.service().start()
    crashed = [_crash(stage, service) for _ in range(ROUNDS)]
    stack = ours_on(stage, service, health_timeout=HEALTH_TIMEOUT)
    never = [_bad_commit(stack, healthcheck=NEVER) for _ in range(ROUNDS)]
    exits = [_bad_commit(stack, command=["false"]) for _ in range(ROUNDS)]
    beside = median(never) - HEALTH_TIMEOUT
    return [
        Figure(
            "crash of a container to served again",
            f"{median(crashed):.2f} s",
            note=f"the slowest of {ROUNDS}: {max(crashed):.2f} s",
        ),
        Figure(
            "commit that never becomes healthy to rolled back",
            f"{median(never):.2f} s",
            note=f"{beside:.2f} s beside its health_timeout of {HEALTH_TIMEOUT} s",
        ),
        Figure(
            "commit whose container exits at once to rolled back",
            f"{median(exits):.2f} s",
            note=f"nobody waits for the health_timeout of {HEALTH_TIMEOUT} s",
        ),
    ]


def _crash(stage: Stage, service: Service) -> float:
    """Kill a container; return how long it took until the service answers again.

    Each on a stack of its own: what is healed again and again has to wait longer each time.
    """
    stack = ours_on(stage, service)
    project = service.get(f"/stacks/{stack.uuid}").json()["project"]
    begun = time.monotonic()
    docker("kill", stage.engine.containers(project)["web"])
    wait_until(lambda: served(stack.port) is None, "it has crashed", every=0.005)
    wait_for_version(stack.port, "1")
    took = time.monotonic() - begun
    _wait_for_the_end(stack)
    return took


def _bad_commit(stack: Hooked, **broken: object) -> float:
    """Push a bad version; return how long it took until the run had taken it back."""
    model = {"services": {"web": sleeper(**broken)}}
    stack.repository.commit({"compose.yml": json.dumps(model)})
    begun = time.time()
    stack.trigger()
    run = stack.service.wait_for_run(stack.uuid, status="failed")
    assert run["outcome"] == "rolled_back", run
    wait_for_version(stack.port, "1")
    return datetime.fromisoformat(run["finished_at"]).timestamp() - begun


def _wait_for_the_end(stack: Hooked) -> None:
    wait_until(
        lambda: stack.service.runs(stack.uuid)[0]["trigger"] == "drift", "the run is recorded"
    )
    stack.service.wait_for_run(stack.uuid)

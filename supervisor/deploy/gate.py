"""The health gate: when a project has settled, and when it is plain that it won't."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from supervisor.commands.docker.containers import Container, containers_of, show_logs
from supervisor.commands.docker.engine import Engine
from supervisor.errors import CommandCancelled, DeployUnhealthy

LOOK_SECONDS = 0.5
STEADY_SECONDS = 2.0  # without a health check, a container counts once it ran for this long
RESTARTS = 3  # waiting for a neighbour by crashing once or twice is common; more is a loop
CALM_SECONDS = 10.0  # until it ran for this long: the engine never forgets old crashes
SKEW_SECONDS = 60
LOG_LINES = 20


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one container: to `wait` for it, why it is `bad`; else it's fine."""

    container: Container
    wait: str = ""
    bad: str = ""

    @property
    def text(self) -> str:
        """Return the service and what holds it up."""
        return f"{self.container.service} {self.bad or self.wait}"


def judge(container: Container, restarts_before: int = 0) -> Verdict:
    """Say how a container fares."""
    if container.status == "exited":
        code = container.exit_code
        return Verdict(container, bad=f"exited with {code}" if code else "")
    if container.status == "dead":
        return Verdict(container, bad="is dead")
    running = container.status == "running"
    loops = container.restarts - restarts_before >= RESTARTS
    if loops and not (running and _ran_seconds(container) >= CALM_SECONDS):
        again = "has restarted again and again" if running else ""
        return Verdict(container, again, f"restarts in a loop (exit code {container.exit_code})")
    if not running:
        return Verdict(container, wait=f"is {container.status}")
    return _judge_running(container)


def _judge_running(container: Container) -> Verdict:
    if container.health == "unhealthy":
        return Verdict(container, bad="is unhealthy")
    if container.health == "starting":
        return Verdict(container, wait="has not passed its health check yet")
    if not container.health and _ran_seconds(container) < STEADY_SECONDS:
        return Verdict(container, wait="has only just started")
    return Verdict(container)


def _ran_seconds(container: Container) -> float:
    # The engine gives nanoseconds, Python takes microseconds.
    whole, _, fraction = container.started_at.rstrip("Z").partition(".")
    started = datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
    seconds = time.time() - started
    # Far in the future: a clock was set, or the engine's goes ahead of ours.
    return seconds if seconds > -SKEW_SECONDS else math.inf


def wait_until_settled(engine: Engine, project: str, seconds: float) -> list[Container]:
    """Wait until every container is fine; return them. With 0 seconds, only look.

    Raise DeployUnhealthy, with the last lines of the culprits in the log, as soon as one is bad
    or when the time is over; raise CommandCancelled where somebody ended the run.
    """
    if not seconds:
        return containers_of(engine, project)
    before = {c.id: c.restarts for c in containers_of(engine, project)}
    until = time.monotonic() + seconds
    while True:
        containers = containers_of(engine, project)
        verdicts = [judge(container, before.get(container.id, 0)) for container in containers]
        # One that loops and runs just now ends soon: only then the engine tells its exit code.
        bad = [verdict for verdict in verdicts if verdict.bad and not verdict.wait]
        waiting = [verdict for verdict in verdicts if verdict.wait]
        if not bad and not waiting:
            return containers
        if bad or time.monotonic() > until:
            raise _unhealthy(engine, bad or waiting, "" if bad else f" after {seconds:g} s")
        reason = engine.shell.cancellation.reason
        if reason is not None:
            raise CommandCancelled("the health gate", reason)
        time.sleep(LOOK_SECONDS)


def _unhealthy(engine: Engine, culprits: Sequence[Verdict], when: str) -> DeployUnhealthy:
    for verdict in culprits:
        engine.shell.log([f"The last lines of {verdict.container.service}:"])
        show_logs(engine, verdict.container.id, LOG_LINES)
    return DeployUnhealthy("; ".join(verdict.text for verdict in culprits) + when)

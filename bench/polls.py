"""What it costs to keep an eye on a repository, with one stack on it and with many."""

import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, milliseconds
from bench.stage import Stage, own_processes
from tests.support.service import Service
from tests.support.waiting import wait_until

COUNTS = (1, 10, 100)
GOAL = 2.0
INTERVAL = 1
# The engine is probed every 15 s, so each window holds one probe, and takes it off again.
WINDOW_SECONDS = 15
SETTLE_SECONDS = 6


@dataclass(frozen=True)
class Window:
    """What happened in one window: time of the processor, polls of each stack, questions asked."""

    cpu: float
    polls: float
    questions: int


def measure(stage: Stage) -> list[Figure]:
    """Watch one repository with more and more stacks that never change."""
    service = stage.service().start()
    # Without a compose file every deploy fails at once, and no container is made.
    repository = stage.repository({"README": "nothing to deploy"})
    time.sleep(SETTLE_SECONDS)
    idle = _watch(service)
    windows: dict[int, Window] = {}
    for count in COUNTS:
        _fill_up(service, repository.url, count)
        windows[count] = _watch(service)
    costs = {count: (w.cpu - idle.cpu) / w.polls for count, w in windows.items()}
    fewest, most = COUNTS[0], COUNTS[-1]
    ratio = costs[most] / costs[fewest]
    spent = ", ".join(f"{count}: {milliseconds(cost)}" for count, cost in costs.items())
    asked = ", ".join(f"{w.questions / w.polls:.1f}" for w in windows.values())
    return [
        Figure(
            f"CPU of an unchanged poll, {most} stacks against {fewest}",
            f"{ratio:.1f} times",
            f"<= {GOAL} times",
            ratio <= GOAL,
            f"for {spent}; `git ls-remote` for each poll: {asked}; "
            f"idle {milliseconds(idle.cpu / WINDOW_SECONDS)} a second is taken off",
        )
    ]


def cpu_of(service: Service) -> float:
    """Return what the service and its ended commands have used of the processor, in seconds."""
    times = [process.cpu_times() for process in own_processes(service)]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def _fill_up(service: Service, url: str, count: int) -> None:
    missing = count - len(service.get("/stacks").json())
    for _ in range(missing):
        service.create_stack(git_repository=url, strategy="polling", polling_interval=INTERVAL)
    wait_until(lambda: _all_settled(service), "every first deploy has failed", 60, every=0.5)
    time.sleep(SETTLE_SECONDS)  # until every stack is at its regular pace


def _all_settled(service: Service) -> bool:
    return all(stack["last_run"] for stack in service.get("/stacks").json())


def _watch(service: Service) -> Window:
    """Read the times of checks from the database, so that looking costs the service nothing."""
    seen: dict[int, set[str]] = defaultdict(set)
    until = time.monotonic() + WINDOW_SECONDS
    with closing(sqlite3.connect(_read_only(service.storage), uri=True)) as database:
        before = dict(database.execute("SELECT id, checked_at FROM stacks"))
        cpu = cpu_of(service)
        while time.monotonic() < until:
            for stack, at in database.execute("SELECT id, checked_at FROM stacks"):
                if at != before[stack]:
                    seen[stack].add(at)
            time.sleep(0.1)
        cpu = cpu_of(service) - cpu
    polls = sum(map(len, seen.values())) / len(seen) if seen else 0
    return Window(cpu, polls, len(set().union(*seen.values())))


def _read_only(storage: Path) -> str:
    return f"file:{storage / 'supervisor.db'}?mode=ro"

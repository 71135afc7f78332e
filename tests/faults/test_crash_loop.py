"""Killed again and again, at random moments and at each step, and never repaired by hand."""

import time
from pathlib import Path

import pytest
import requests

from tests.faults.rig import STEPS, Rig, rig_in
from tests.support.engine import Engine
from tests.support.waiting import wait_until


def kill_somehow(rig: Rig) -> None:
    """Kill the service, or its worker alone; at a random moment, or at one of the steps."""
    tracked = rig.chance.choice(rig.stacks)
    tracked.commit()
    worker_only = rig.chance.random() < 0.5
    if rig.chance.random() < 0.5:
        point = f"{rig.chance.choice(STEPS)}:{'kill9_worker' if worker_only else 'kill9'}"
        rig.failpoints.lay(point)
        rig.trigger(tracked)
        wait_until(lambda: rig.failpoints.was_met(point), f"{point} is met", seconds=60)
        if not worker_only:
            rig.service.wait_for_end()
    else:
        rig.trigger(tracked)
        time.sleep(rig.chance.uniform(0, 1.5))
        if worker_only:
            rig.service.processes[1].kill()
        else:
            rig.service.kill()
    if worker_only:
        wait_until(lambda: _answers(rig), "another worker answers")
    else:
        rig.service.start()


def _answers(rig: Rig) -> bool:
    try:
        return rig.service.get("/up").status_code == 200
    except requests.RequestException:
        return False


def crash(folder: Path, engine: Engine, seed: int, rounds: int) -> None:
    with rig_in(folder, engine, seed) as rig:
        for _ in range(2):
            rig.converge(rig.add())
        for _ in range(rounds):
            kill_somehow(rig)
            for tracked in rig.stacks:
                rig.converge(tracked)
            rig.check_quiet()
        rig.scan()


@pytest.mark.row("P2", "P3", "P5")
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_few_kills_need_no_repair(tmp_path: Path, engine: Engine) -> None:
    crash(tmp_path, engine, seed=1, rounds=4)


@pytest.mark.row("P2", "P3", "P4", "P5")
@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_kills_need_no_repair(tmp_path: Path, engine: Engine) -> None:
    seed = int(time.time())
    print(f"seed {seed}")  # noqa: T201 (to do it again)
    crash(tmp_path, engine, seed=seed, rounds=30)

"""Everything at once, for a while: pushes, changes, orders, deletes, and an engine that blinks."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.faults.rig import VARIABLE, Rig, Tracked, rig_in
from tests.support.engine import Engine
from tests.support.waiting import wait_until

SECONDS = 90
STACKS = 8

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def push(rig: Rig, tracked: Tracked) -> None:
    tracked.commit()
    assert rig.trigger(tracked)


def push_and_lose_the_delivery(rig: Rig, tracked: Tracked) -> None:
    tracked.commit()
    tracked.commit()
    assert rig.trigger(tracked)


def trigger_for_nothing(rig: Rig, tracked: Tracked) -> None:
    for _ in range(10):
        assert rig.trigger(tracked)


def change_a_variable(rig: Rig, tracked: Tracked) -> None:
    variables = {"PASSWORD": VARIABLE, "OTHER": str(rig.chance.random())}
    answer = rig.service.patch(f"/stacks/{tracked.uuid}", json={"compose_variables": variables})
    rig.heard += answer.content
    assert answer.status_code == 200


def stop_and_start(rig: Rig, tracked: Tracked) -> None:
    for command in ("stop", "start"):
        answer = rig.service.post(f"/stacks/{tracked.uuid}/control", json={"command": command})
        assert answer.status_code == 204


def restart(rig: Rig, tracked: Tracked) -> None:
    answer = rig.service.post(f"/stacks/{tracked.uuid}/control", json={"command": "restart"})
    assert answer.status_code == 204


def delete_and_create(rig: Rig, tracked: Tracked) -> None:
    rig.deleted += 1
    rig.stacks.remove(tracked)
    assert rig.service.delete(f"/stacks/{tracked.uuid}").status_code == 204
    rig.add()


def blink(rig: Rig, tracked: Tracked) -> None:
    rig.proxy.blink()


def go_away(rig: Rig, tracked: Tracked) -> None:
    rig.proxy.cut()
    time.sleep(1)
    rig.proxy.restore()


ACTIONS: tuple[Callable[[Rig, Tracked], None], ...] = (
    *(push,) * 5,
    push_and_lose_the_delivery,
    trigger_for_nothing,
    change_a_variable,
    stop_and_start,
    restart,
    delete_and_create,
    blink,
    go_away,
)


@pytest.mark.row("D17", "C1", "C2", "C3", "P11")
def test_after_everything_at_once_the_newest_commits_run(tmp_path: Path, engine: Engine) -> None:
    with rig_in(tmp_path, engine, seed=int(time.time())) as rig:
        for _ in range(STACKS):
            rig.add()
        for tracked in rig.stacks:
            rig.converge(tracked)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            rig.chance.choice(ACTIONS)(rig, rig.chance.choice(rig.stacks))
            rig.check()
            time.sleep(rig.chance.uniform(0, 1))
        # An order that met the cut engine has failed, and nobody repeats orders: this one does.
        wait_until(lambda: _up(rig), "the engine is seen again", seconds=40)
        for tracked in rig.stacks:
            answer = rig.service.post(f"/stacks/{tracked.uuid}/control", json={"command": "start"})
            assert answer.status_code == 204
            tracked.commit()
            assert rig.trigger(tracked)
        for tracked in rig.stacks:
            rig.converge(tracked, seconds=180)
        rig.check_quiet()
        rig.scan()


def _up(rig: Rig) -> bool:
    try:
        return rig.service.get("/up").status_code == 200
    except requests.RequestException:
        return False

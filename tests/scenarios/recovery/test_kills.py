"""Killed at any point of a deploy, the service finds its way alone."""

import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest
import requests

from tests.scenarios.recovery.conftest import Shop
from tests.support.aftermath import (
    all_ended,
    commands_of,
    commands_of_runs,
    database_is_sound,
    leftovers,
)
from tests.support.waiting import wait_until

ASIDE = ("fetch", "check out", "render", "pull", "compare")
APPLYING = ("apply", "up")
AFTER_UP = ("gate", "finish", "finished")


def steps(*names: str, every_day: tuple[str, ...]) -> list[Any]:
    """Return the steps as parameters; all but those of every day are left to `make faults`."""
    return [
        pytest.param(name, marks=() if name in every_day else pytest.mark.long) for name in names
    ]


def trigger_and_stumble(shop: Shop, failpoint: str) -> str:
    """Trigger a deploy that meets a failpoint; return the run that was the newest then."""
    shop.failpoints.lay(failpoint)
    with suppress(requests.RequestException):  # it may end before its answer has left
        shop.trigger()
    wait_until(lambda: shop.failpoints.was_met(failpoint), f"{failpoint} is met")
    with closing(sqlite3.connect(shop.service.storage / "supervisor.db")) as database:
        query = "SELECT uuid FROM runs WHERE stack_id = (SELECT id FROM stacks WHERE uuid = ?)"
        found = f"{query} AND \"trigger\" = 'webhook' ORDER BY id DESC"
        return str(database.execute(found, [shop.uuid]).fetchone()[0])


def kill_at(shop: Shop, step: str) -> str:
    """Trigger a deploy that ends the service at a step; return the run."""
    run = trigger_and_stumble(shop, f"{step}:kill9")
    shop.service.wait_for_end()
    wait_until(lambda: not commands_of(shop.service), "no command outlives the service")
    database_is_sound(shop.service)
    return run


def nothing_is_left(shop: Shop) -> None:
    assert commands_of_runs(shop.service) == {}
    assert leftovers(shop.service) == []
    assert shop.container_count() == 2
    database_is_sound(shop.service)


@pytest.mark.row("P2")
@pytest.mark.parametrize(
    "step",
    steps(*ASIDE, *APPLYING, *AFTER_UP, every_day=("check out", "apply", "up", "finish")),
)
def test_a_deploy_that_a_kill_cut_off_is_done_after_the_next_start(shop: Shop, step: str) -> None:
    before, old = shop.seen(), shop.served()
    shop.commit()
    run = kill_at(shop, step)
    after = shop.seen()
    assert after["db"] == before["db"]
    if step in AFTER_UP:
        assert after["web"] != before["web"]
    else:
        assert after == before
    if step in ASIDE:
        assert shop.served() == old

    shop.service.start()
    ended = all_ended(shop.service, shop.uuid)
    expected = "succeeded" if step == "finished" else "interrupted"
    assert ended[run] == expected
    assert shop.served() == (str(shop.version), str(shop.version))
    assert shop.seen()["db"] == before["db"]
    if step in AFTER_UP:
        assert shop.seen() == after
    newest = shop.service.runs(shop.uuid)[0]
    assert newest["status"] == "succeeded"
    if step != "finished":
        assert (newest["trigger"], newest["attempts"]) == ("recovery", 2)
    assert ("heal", "drift") not in shop.actions()
    stack = shop.service.get(f"/stacks/{shop.uuid}").json()
    assert stack["commit"] == shop.repository.head
    assert stack["healthy"] is True
    nothing_is_left(shop)


@pytest.mark.row("P2")
def test_a_commit_that_came_while_the_service_was_dead_is_deployed_without_a_trigger(
    shop: Shop,
) -> None:
    shop.commit()
    run = kill_at(shop, "up")
    shop.commit()
    shop.service.start()
    assert all_ended(shop.service, shop.uuid)[run] == "interrupted"
    assert shop.served() == (str(shop.version), str(shop.version))
    nothing_is_left(shop)


@pytest.mark.row("P2")
def test_a_way_back_that_a_kill_cut_off_is_gone_after_the_next_start(shop: Shop) -> None:
    before, good = shop.seen(), shop.served()
    shop.commit(command=["sh", "-c", "exit 3"])
    run = kill_at(shop, "roll back")
    assert shop.seen()["db"] == before["db"]

    shop.service.start()
    assert all_ended(shop.service, shop.uuid)[run] == "interrupted"
    newest = shop.service.runs(shop.uuid)[0]
    assert (newest["status"], newest["outcome"]) == ("failed", "rolled_back")
    assert shop.served() == good
    assert shop.seen()["db"] == before["db"]
    nothing_is_left(shop)

    shop.commit()
    shop.service.wait_for_run(shop.uuid, shop.trigger())
    assert shop.served() == (str(shop.version), str(shop.version))


@pytest.mark.row("P5")
@pytest.mark.parametrize("step", steps("check out", "up", "gate", "finish", every_day=("up",)))
def test_a_worker_that_is_killed_alone_is_replaced_and_the_deploy_done(
    shop: Shop, step: str
) -> None:
    before = shop.seen()
    shop.commit()
    run = trigger_and_stumble(shop, f"{step}:kill9_worker")
    wait_until(lambda: _is_up(shop), "another worker answers")
    assert all_ended(shop.service, shop.uuid)[run] == "interrupted"
    assert shop.service.runs(shop.uuid)[0]["status"] == "succeeded"
    assert shop.served() == (str(shop.version), str(shop.version))
    assert shop.seen()["db"] == before["db"]
    nothing_is_left(shop)


def _is_up(shop: Shop) -> bool:
    try:
        return shop.service.get("/up").status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.row("P2")
@pytest.mark.parametrize("step", ["down", "clean up"])
def test_a_delete_that_a_kill_cut_off_is_done_after_the_next_start(shop: Shop, step: str) -> None:
    stack = shop.service.create_stack(git_repository=shop.repository.url)
    shop.service.wait_for_run(stack["uuid"])
    shop.failpoints.lay(f"{step}:kill9")
    with suppress(requests.ConnectionError):  # the kill may come before the answer
        assert shop.service.delete(f"/stacks/{stack['uuid']}").status_code == 204
    shop.service.wait_for_end()
    shop.service.start()
    gone = f"/stacks/{stack['uuid']}"
    wait_until(lambda: shop.service.get(gone).status_code == 404, "the stack is gone")
    assert shop.engine.containers(stack["project"]) == {}
    assert not (shop.service.storage / "stacks" / stack["uuid"]).exists()
    nothing_is_left(shop)


@pytest.mark.row("G14")
def test_what_a_killed_git_left_in_a_mirror_is_no_hindrance(shop: Shop) -> None:
    shop.service.terminate()
    (mirror,) = (shop.service.storage / "mirrors").iterdir()
    for reference in ("target", "applied"):
        (mirror / "refs/supervisor" / shop.uuid / f"{reference}.lock").touch()
    for name in ("HEAD.lock", "packed-refs.lock", "config.lock", "objects/pack/tmp_pack_x"):
        (mirror / name).touch()
    draft = mirror.with_name(f"{mirror.name}.{'0' * 32}")
    (draft / "objects").mkdir(parents=True)
    assert len(leftovers(shop.service)) == 7
    shop.service.start()
    nothing_is_left(shop)
    shop.commit()
    shop.service.wait_for_run(shop.uuid, shop.trigger())

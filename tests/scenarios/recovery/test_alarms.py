"""Never silently dead: what does not happen any more is told, once."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.store.models import now
from tests.conftest import StartService
from tests.support.failpoints import Failpoints
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.waiting import wait_until


@pytest.mark.long
def test_a_scheduler_that_stopped_is_told_without_being_asked_and_once(
    start_service: StartService, tmp_path: Path
) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    service = start_service(SUPERVISOR_FAILPOINTS=failpoints.setting("tick:sleep=32"))
    assert service.get("/up").json()["status"]["scheduler"] == "ok"
    failpoints.lay("tick:sleep=32")
    wait_until(lambda: failpoints.was_met("tick:sleep=32"), "the loop is stopped")
    told = wait_until(lambda: _alarms(service, "Alarm: scheduler"), "an alarm", seconds=25)
    for _ in range(20):
        answer = service.get("/up")
        assert answer.status_code == 503
        (problem,) = answer.json()["errors"]
        assert problem["name"] == "scheduler"
        assert "has not ticked" in problem["message"]
    assert _alarms(service, "Alarm: scheduler") == told
    assert len(told) == 1

    wait_until(lambda: service.get("/up").status_code == 200, "it ticks again", seconds=30)
    assert service.get("/up").json()["status"]["scheduler"] == "ok"
    assert len(_alarms(service, "Alarm over: scheduler")) == 1
    assert len(_alarms(service, "Alarm")) == 2


def _alarms(service: Service, words: str) -> list[str]:
    return [line for line in service.log_text.splitlines() if words in line]


def test_a_tick_that_breaks_is_not_the_last_one(
    start_service: StartService, repository: Repository, tmp_path: Path
) -> None:
    failpoints = Failpoints(tmp_path / "failpoints")
    service = start_service(SUPERVISOR_FAILPOINTS=failpoints.setting("tick:raise"))
    failpoints.lay("tick:raise")
    wait_until(lambda: failpoints.was_met("tick:raise"), "a tick breaks")
    stack = service.create_stack(
        git_repository=repository.url, strategy="polling", polling_interval=1
    )
    wait_until(lambda: _stats(service, stack["uuid"])["last_check"], "checks go on")


@pytest.mark.long
def test_a_repository_that_fails_is_asked_less_often_and_says_so(
    start_service: StartService, repository: Repository, git_server: GitServer
) -> None:
    service = start_service()
    stack = service.create_stack(
        git_repository=git_server.url(repository.path),
        git_username=git_server.username,
        git_token=git_server.password,
        strategy="polling",
        polling_interval=1,
    )
    uuid = stack["uuid"]
    service.wait_for_run(uuid)
    good = wait_until(lambda: _good(service, uuid), "a check succeeds")
    git_server.faults.status = 500
    pauses = {}
    while len(pauses) < 3:
        stats = _stats(service, uuid)
        pauses.setdefault(stats["check_failures"], _time(stats["next_check"]) - now())
        pauses.pop(0, None)
    assert pauses[3] > pauses[1]
    assert pauses[3] > timedelta(seconds=5)
    stats = _stats(service, uuid)
    assert "The git server cannot be reached" in stats["check_error"]
    assert git_server.password not in stats["check_error"]
    assert _time(stats["last_check"]) >= _time(good["last_check"])
    shown = service.get(f"/stacks/{uuid}").json()
    fields = ("last_check", "check_failures", "check_error")
    assert {f: shown[f] for f in fields} == {f: _stats(service, uuid)[f] for f in fields}
    assert len(_alarms(service, "cannot be checked")) == 1

    git_server.faults.status = None
    back = wait_until(lambda: _good(service, uuid), "a check succeeds again", seconds=20)
    assert (back["check_failures"], back["check_error"]) == (0, None)
    assert _time(back["last_check"]) > _time(stats["last_check"])


def _stats(service: Service, uuid: str) -> dict[str, Any]:
    found: dict[str, Any] = service.get(f"/stacks/{uuid}/stats").json()
    return found


def _good(service: Service, uuid: str) -> dict[str, Any] | None:
    stats = _stats(service, uuid)
    return stats if stats["last_check"] and not stats["check_failures"] else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))

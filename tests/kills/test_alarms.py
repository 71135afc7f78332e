"""Never silently dead: what does not happen any more is told, once."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.diagnostics.alarms import Reporter
from supervisor.runs import queue
from supervisor.store.database import writing
from supervisor.store.models import Action, Run, Stack, Status, Trigger, now
from supervisor.triggers import polls
from tests.api.conftest import Api, application, close
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


@pytest.mark.parametrize(
    ("interval", "failures", "seconds"),
    [(60, 0, 60), (60, 1, 120), (60, 3, 480), (60, 9, 3600), (1, 12, 3600), (7200, 5, 7200)],
)
def test_the_pause_doubles_up_to_an_hour(interval: int, failures: int, seconds: int) -> None:
    assert polls.pause(interval, failures) == timedelta(seconds=seconds)


# Rows as they would be, were something stuck


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Api]:
    """An application in which nothing runs, with a stack that is polled each minute."""
    api = application(tmp_path / "storage", concurrency=2)
    with api.app.app_context():
        api.create(polling_interval=60)
        with writing() as session:
            session.query(Run).delete()
        yield api
    close(api)


def _change(**values: Any) -> None:
    with writing() as session:
        stack = session.query(Stack).one()
        for name, value in values.items():
            setattr(stack, name, value)


def _problems(api: Api) -> list[str]:
    answer = api.app.test_client().get("/up")
    body = answer.get_json()
    assert answer.status_code == body["code"]
    return [problem["name"] for problem in body.get("errors", [])]


def _add_run(status: Status, age: int, name: str = "shop") -> None:
    with writing() as session:
        stack = session.query(Stack).filter(Stack.name == name).one()
        run = queue.submit(session, stack, Action.DEPLOY, Trigger.POLLING)
        run.status, run.created_at = status, now() - timedelta(seconds=age)


@pytest.mark.parametrize(("late", "problems"), [(-30, []), (110, []), (130, ["checks"])])
def test_a_check_that_is_late_by_two_intervals_is_an_alarm(
    idle: Api, late: int, problems: list[str]
) -> None:
    _change(check_at=now() - timedelta(seconds=late))
    assert _problems(idle) == problems


def test_a_short_interval_is_given_a_minute(idle: Api) -> None:
    _change(polling_interval=1, check_at=now() - timedelta(seconds=50))
    assert _problems(idle) == []
    _change(check_at=now() - timedelta(seconds=70))
    assert _problems(idle) == ["checks"]


def test_a_stack_that_is_never_polled_or_is_just_deployed_is_no_alarm(idle: Api) -> None:
    _change(check_at=now() - timedelta(hours=1))
    _add_run(Status.RUNNING, age=3600)
    assert _problems(idle) == []
    _change(polling_interval=None, check_at=None)
    with writing() as session:
        session.query(Run).delete()
    assert _problems(idle) == []


def test_a_run_that_nobody_begins_though_there_is_room_is_an_alarm(idle: Api) -> None:
    _add_run(Status.PENDING, age=50)
    assert _problems(idle) == []
    with writing() as session:
        session.query(Run).one().created_at = now() - timedelta(seconds=70)
    assert _problems(idle) == ["queue"]


def test_a_run_that_waits_for_its_stack_or_for_room_is_none(idle: Api) -> None:
    _add_run(Status.RUNNING, age=600)
    _add_run(Status.PENDING, age=600)
    assert _problems(idle) == []
    for name in ("second", "third"):
        idle.create(name=name, polling_interval=None)
    with writing() as session:
        session.query(Run).filter(Run.created_at > now() - timedelta(seconds=60)).delete()
    _add_run(Status.RUNNING, age=600, name="second")
    _add_run(Status.PENDING, age=600, name="third")
    assert _problems(idle) == []


def test_an_alarm_that_is_over_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    reporter = Reporter()
    with caplog.at_level(logging.INFO, logger="supervisor.alarms"):
        for _ in range(3):
            reporter.report({"queue": "1 run waits"})
        for problems in ({"queue": "2 runs wait", "checks": "late"}, {"checks": "late"}, {}, {}):
            reporter.report(problems)
    assert [record.getMessage() for record in caplog.records] == [
        "Alarm: queue: 1 run waits",
        "Alarm: checks: late",
        "Alarm over: queue",
        "Alarm over: checks",
    ]

"""Checks that are not made and runs that are not begun are alarms, told once."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.diagnostics.alarms import Reporter
from supervisor.runs import queue
from supervisor.store.database import writing
from supervisor.store.models import Run, Stack, now
from supervisor.store.words import Action, Status, Trigger
from tests.support.api import Api, application, close

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

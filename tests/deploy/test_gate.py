"""When a project has settled, and when it is plain that it won't."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from supervisor.commands.docker.containers import Container
from supervisor.deploy.gate import CALM_SECONDS, RESTARTS, STEADY_SECONDS, judge

# What is said of one container.


def ago(seconds: float) -> str:
    """Return a time as the engine writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f789Z")


def container(*, ran: float = 60, **facts: Any) -> Container:
    """Return a container that has run for so many seconds."""
    steady = Container(
        id="1",
        service="web",
        status="running",
        exit_code=0,
        health="",
        restarts=0,
        started_at=ago(ran),
        image="sha256:1",
        image_name="web",
        config_hash="1",
    )
    return replace(steady, **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"health": "healthy"},
        {"health": "healthy", "ran": 0},
        {"ran": STEADY_SECONDS + 0.1},
        {"started_at": "2026-01-01T00:00:00Z"},
        {"status": "exited"},
        {"restarts": RESTARTS - 1},
        {"ran": -3600},
    ],
)
def test_it_is_fine(facts: dict[str, Any]) -> None:
    verdict = judge(container(**facts))
    assert (verdict.wait, verdict.bad) == ("", "")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "created"}, "web is created"),
        ({"status": "restarting", "restarts": 1}, "web is restarting"),
        ({"status": "paused"}, "web is paused"),
        ({"status": "removing"}, "web is removing"),
        ({"health": "starting"}, "web has not passed its health check yet"),
        ({"ran": 0}, "web has only just started"),
        ({"ran": -1}, "web has only just started"),
    ],
)
def test_it_is_waited_for(facts: dict[str, Any], words: str) -> None:
    verdict = judge(container(**facts))
    assert verdict.wait
    assert (verdict.text, verdict.bad) == (words, "")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "exited", "exit_code": 137}, "web exited with 137"),
        ({"status": "dead"}, "web is dead"),
        ({"health": "unhealthy"}, "web is unhealthy"),
        (
            {"status": "restarting", "restarts": RESTARTS, "exit_code": 2},
            "web restarts in a loop (exit code 2)",
        ),
        (
            {"restarts": RESTARTS, "exit_code": 2, "ran": 0},
            "web restarts in a loop (exit code 2)",
        ),
    ],
)
def test_it_is_bad(facts: dict[str, Any], words: str) -> None:
    verdict = judge(container(**facts))
    assert verdict.bad
    assert verdict.text == words


def test_restarts_from_before_are_not_held_against_a_container() -> None:
    assert not judge(container(restarts=7, ran=0), restarts_before=5).bad
    assert judge(container(restarts=7, ran=0), restarts_before=4).bad


def test_restarts_of_long_ago_are_not_held_against_a_container_that_runs() -> None:
    assert judge(container(restarts=RESTARTS, ran=CALM_SECONDS - 1)).bad
    calm = judge(container(restarts=RESTARTS, ran=CALM_SECONDS + 1))
    assert (calm.wait, calm.bad) == ("", "")


def test_a_loop_that_runs_just_now_is_looked_at_again() -> None:
    assert judge(container(restarts=RESTARTS, ran=0)).wait
    assert not judge(container(restarts=RESTARTS, status="restarting")).wait

"""The health gate: a run has succeeded only when everything is up, and stays up."""

from pathlib import Path

import pytest

from tests.scenarios.health.steps import (
    Stack,
    check,
    deployed,
    inspect,
    printed,
    repository_of,
    script,
    shown,
    still,
)
from tests.support.compose_files import compose
from tests.support.engine import Engine
from tests.support.service import Service
from tests.support.waiting import wait_until

NEWS = "nothing works today"


@pytest.mark.row("D8")
def test_a_run_ends_when_the_slowest_health_check_has_passed(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    slow = script(
        "sleep 2; touch /ok; exec sleep 1000000", healthcheck=check("test -f /ok", retries=20)
    )
    repository = repository_of(tmp_path / "repository", compose({"web": slow, "db": still()}))
    stack = deployed(shared_service, repository, health_timeout=30)
    assert inspect(engine, stack, "web", ".State.Health.Status") == "healthy"
    assert stack["healthy"] is True
    run = shared_service.runs(stack["uuid"])[0]
    assert run["step"] == "gate"
    steps = [line for line in printed(shared_service, stack, run) if line.startswith("==> gate")]
    assert len(steps) == 1
    assert "30 s" in steps[0]


@pytest.mark.row("D5")
def test_a_job_that_ends_well_is_fine(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    files = compose({"job": script("echo done"), "web": still()})
    stack = deployed(shared_service, repository_of(tmp_path / "r", files), health_timeout=30)
    assert inspect(engine, stack, "job", ".State.Status") == "exited"
    assert (stack["healthy"], stack["drift"]) == (True, {})


def failed(service: Service, tmp_path: Path, web: dict[str, object], timeout: int) -> Stack:
    """Deploy `web` beside a service that is fine, which has to fail; return the run too."""
    repository = repository_of(tmp_path / "repository", compose({"web": web, "db": still()}))
    stack = service.create_stack(git_repository=repository.url, health_timeout=timeout)
    run = service.wait_for_run(stack["uuid"], status="failed")
    return shown(service, stack) | {"run": run, "output": printed(service, stack, run)}


@pytest.mark.row("D4", "D5")
@pytest.mark.parametrize(
    ("web", "words"),
    [
        pytest.param(script(f"echo {NEWS}; exit 3"), "web exited with 3", id="exits"),
        pytest.param(
            script(f"echo {NEWS}; exit 4", restart="always"),
            "web restarts in a loop (exit code 4)",
            id="loops",
        ),
        pytest.param(
            script(f"echo {NEWS}; exec sleep 1000000", healthcheck=check("false")),
            "web is unhealthy",
            id="unhealthy",
        ),
    ],
)
def test_a_service_that_is_plainly_bad_fails_the_run_at_once_with_its_last_lines(
    shared_service: Service, tmp_path: Path, web: dict[str, object], words: str
) -> None:
    # Not its time limit: that is longer than anybody waits here.
    stack = failed(shared_service, tmp_path, web, 600)
    run, output = stack["run"], stack["output"]
    assert run["message"] == f"gate: {words}"
    assert stack["healthy"] is False
    title = output.index("The last lines of web:")
    assert NEWS in output[title + 1 :]
    assert "The last lines of db:" not in output


@pytest.mark.row("D8")
def test_a_service_that_never_leaves_starting_is_named_when_the_time_is_over(
    shared_service: Service, tmp_path: Path
) -> None:
    never = check("false", start_period="1000s")
    web = script(f"echo {NEWS}; exec sleep 1000000", healthcheck=never)
    stack = failed(shared_service, tmp_path, web, 2)
    message = stack["run"]["message"]
    assert message == "gate: web has not passed its health check yet after 2 s"
    assert NEWS in stack["output"]


def test_a_health_timeout_of_0_turns_the_gate_off(shared_service: Service, tmp_path: Path) -> None:
    bad = still(healthcheck=check("false", start_period="1000s"))
    repository = repository_of(tmp_path / "repository", compose({"web": bad}))
    stack = deployed(shared_service, repository, health_timeout=0)
    run = shared_service.runs(stack["uuid"])[0]
    assert run["step"] == "up"


def test_without_a_gate_what_ends_badly_is_still_no_healthy_stack(
    shared_service: Service, tmp_path: Path
) -> None:
    files = compose({"web": script("exit 3"), "db": still()})
    repository = repository_of(tmp_path / "repository", files)
    stack = deployed(shared_service, repository, health_timeout=0, self_heal=False)
    wait_until(lambda: shown(shared_service, stack)["healthy"] is False, "it is seen", 15)
    assert shown(shared_service, stack)["drift"] == {"web": "is exited (exit code 3)"}


@pytest.mark.long
def test_a_container_that_has_crashed_often_is_healthy_again_once_it_runs_for_a_while(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    crashes = "echo x >>/count; test $(wc -l </count) -gt 4 || exit 1; exec sleep 1000000"
    files = compose({"web": script(crashes, restart="always"), "db": still()})
    repository = repository_of(tmp_path / "repository", files)
    stack = deployed(shared_service, repository, health_timeout=0)
    wait_until(lambda: shown(shared_service, stack)["healthy"] is False, "the loop is seen", 15)
    assert "restarts in a loop" in shown(shared_service, stack)["drift"]["web"]
    wait_until(lambda: shown(shared_service, stack)["healthy"] is True, "all is well", 25)
    assert inspect(engine, stack, "web", ".RestartCount") == 4
    assert [run["action"] for run in shared_service.runs(stack["uuid"])] == ["deploy"]

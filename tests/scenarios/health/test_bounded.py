"""Bounded, always: whatever hangs is ended at its limit, or when a person wants it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.scenarios.health.hanging import EVER, STAGES, Hanging, Place, processes_of
from tests.scenarios.health.steps import (
    Run,
    Stack,
    deployed,
    printed,
    repository_of,
    script,
    shown,
    still,
    version,
    web_and_db,
)
from tests.support.compose_files import compose
from tests.support.engine import Engine, docker
from tests.support.git_http import GitServer
from tests.support.service import Service
from tests.support.triggers import control, run_of, webhook
from tests.support.waiting import wait_until

# Short, but long enough for what does not hang, also on a machine that is busy.
LIMITS = {
    "LS_REMOTE": 3,
    "FETCH": 3,
    "RENDER": 4,
    "PULL": 4,
    "BUILD": 4,
    "UP": 6,
    "CONTROL": 2,
    "DOWN": 2,
}
GATE = 2
# As root a plain shell ignores TERM; this one takes its time on purpose.
STUBBORN = f"trap '' TERM; sleep {EVER}"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Service]:
    """A service with short limits that does many things at once."""
    limits = {f"SUPERVISOR_{name}_SECONDS": str(seconds) for name, seconds in LIMITS.items()}
    folder = tmp_path_factory.mktemp("limited")
    service = Service(folder, engine, SUPERVISOR_CONCURRENCY="16", **limits).start()
    yield service
    service.close()


@pytest.fixture(scope="module")
def tearing_down(
    limited: Service, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """A stack that is being deleted, which takes a while; `run` is the first attempt at it."""
    folder = tmp_path_factory.mktemp("teardown")
    stack = deployed(limited, repository_of(folder / "repository", stubborn("1", 1000)))
    return stack | {"run": run_of(limited.delete(f"/stacks/{stack['uuid']}"))}


@pytest.fixture(scope="module")
def hanging(
    limited: Service, tearing_down: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Hanging]]:
    """A stack for each stage, all of which hang at the same time."""
    with ExitStack() as closing:
        place = Place(limited, tmp_path_factory.mktemp("hanging"), closing)
        yield {stage: place.hang(stage, health_timeout=GATE) for stage in STAGES}


def limit_of(stage: str) -> int:
    return GATE if stage == "gate" else LIMITS[stage.upper().replace("-", "_")]


def seconds_of(run: Run) -> float:
    begun, ended = (datetime.fromisoformat(run[key]) for key in ("started_at", "finished_at"))
    return (ended - begun).total_seconds()


def check_nothing_is_left(hung: Hanging, run: Run) -> None:
    # The engine may need a moment to end what belonged to a client that is gone.
    wait_until(lambda: not hung.leftovers(run), f"{hung.step} leaves no process")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_hangs_is_ended_at_its_limit_and_the_stack_is_free(
    hanging: dict[str, Hanging], engine: Engine, stage: str
) -> None:
    hung = hanging[stage]
    first = hung.service.runs(hung.uuid)[-1]
    run = hung.service.wait_for_run(hung.uuid, first["uuid"], status="failed")
    assert run["step"] == hung.step
    assert seconds_of(run) >= limit_of(stage)
    if stage == "gate":
        assert "has not passed its health check yet" in run["message"]
    else:
        assert f"took longer than {limit_of(stage)} s and was ended" in run["message"]
    check_nothing_is_left(hung, run)

    check_the_next_trigger_runs(hung, engine)


def check_the_next_trigger_runs(hung: Hanging, engine: Engine) -> None:
    hung.mend()
    by_commit = "git_reference" in hung.fields  # then a push of a branch is none of its business
    run = control(hung.service, hung.uuid, "redeploy") if by_commit else ask(hung)
    wait_until(
        lambda: done_or_overtaken(hung.service, hung.uuid, run), "the trigger's run ends", 60
    )
    assert version(engine, hung.stack) == ("1" if by_commit else "2")


def done_or_overtaken(service: Service, uuid: str, run: str) -> bool:
    """Tell whether a run did it, or the retry of the one that hung was quicker."""
    found = service.get(f"/stacks/{uuid}/runs/{run}").json()
    assert found["status"] != "failed", found
    return found["status"] == "succeeded" or "Already at" in (found["message"] or "")


def ask(hung: Hanging) -> str:
    return webhook(hung.service, hung.uuid)


def test_a_check_that_hangs_is_ended_and_the_next_one_is_made(
    limited: Service, git_server: GitServer, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", web_and_db("1"))
    stack = limited.create_stack(
        git_repository=git_server.url(repository.path / ".git"),
        git_username=git_server.username,
        git_token=git_server.password,
        polling_interval=1,
    )
    limited.wait_for_run(stack["uuid"])
    git_server.faults.stall = True
    wait_until(lambda: shown(limited, stack)["check_failures"], "a check fails")
    assert f"took longer than {LIMITS['LS_REMOTE']} s" in shown(limited, stack)["check_error"]
    git_server.faults.stall = False
    repository.commit(web_and_db("2"))
    wait_until(lambda: shown(limited, stack)["commit"] == repository.head, "it is deployed")
    now = shown(limited, stack)
    assert (now["check_failures"], now["check_error"], now["healthy"]) == (0, None, True)


def stubborn(number: str, grace: int) -> dict[str, str]:
    """Return `web`, which ignores TERM and has so many seconds until it is killed."""
    web = script(STUBBORN, environment={"VERSION": number}, stop_grace_period=f"{grace}s")
    return compose({"web": web, "db": still()})


def test_an_up_that_waits_for_an_old_container_to_end_is_bounded_and_the_way_back_too(
    limited: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", stubborn("1", 1000))
    stack = deployed(limited, repository, self_heal=False)
    db = engine.containers(stack["project"])["db"]
    repository.commit(stubborn("2", 1000))
    run = limited.wait_for_run(
        stack["uuid"], webhook(limited, stack["uuid"]), status="failed", seconds=90
    )
    assert run["step"] == "up"
    assert f"took longer than {LIMITS['UP']} s" in run["message"]
    assert run["outcome"] in ("rolled_back", "rollback_failed")
    assert engine.containers(stack["project"])["db"] == db
    wait_until(lambda: not processes_of(limited, run), "no process is left")

    remove_all(stack)  # the engine would wait for it
    repository.commit(web_and_db("3"))
    limited.wait_for_run(stack["uuid"], webhook(limited, stack["uuid"]))
    assert version(engine, stack) == "3"


def remove_all(stack: Stack) -> None:
    label = f"label=com.docker.compose.project={stack['project']}"
    docker("rm", "--force", *docker("ps", "--all", "--quiet", "--filter", label).split())


def test_a_stop_that_hangs_is_bounded_and_stops_nothing_in_the_books(
    limited: Service, engine: Engine, tmp_path: Path
) -> None:
    repository = repository_of(tmp_path / "repository", stubborn("1", 1000))
    stack = deployed(limited, repository, self_heal=False)
    order = control(limited, stack["uuid"], "stop")
    run = limited.wait_for_run(stack["uuid"], order, status="failed")
    assert f"took longer than {LIMITS['CONTROL']} s" in run["message"]
    assert shown(limited, stack)["state"] == "active"
    wait_until(lambda: not processes_of(limited, run), "no process is left")
    remove_all(stack)
    limited.wait_for_run(stack["uuid"], control(limited, stack["uuid"], "redeploy"))


def test_a_teardown_that_hangs_is_ended_at_its_limit_and_tried_again_until_nothing_is_left(
    limited: Service, engine: Engine, tearing_down: Stack
) -> None:
    uuid = tearing_down["uuid"]
    run = limited.wait_for_run(uuid, tearing_down["run"], status="failed")
    assert run["step"] == "down"
    assert f"took longer than {LIMITS['DOWN']} s" in run["message"]
    wait_until(lambda: not processes_of(limited, run), "no process is left")

    wait_until(lambda: len(limited.runs(uuid)) > 2, "it is tried again")
    remove_all(tearing_down)  # the engine would wait for it
    limited.delete(f"/stacks/{uuid}")  # or the next time might be in a minute
    wait_until(lambda: limited.get(f"/stacks/{uuid}").status_code == 404, "the stack is gone")
    assert engine.containers(tearing_down["project"]) == {}


# What a person cancels.


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Place]:
    """A place whose service has long limits."""
    service = Service(tmp_path_factory.mktemp("patient"), engine).start()
    with ExitStack() as closing:
        closing.callback(service.close)
        yield Place(service, tmp_path_factory.mktemp("cancelled"), closing)


@pytest.mark.parametrize("stage", STAGES)
def test_cancel_ends_the_run_at_any_stage_and_drops_the_pending_one(
    patient: Place, engine: Engine, stage: str
) -> None:
    hung = patient.hang(stage, health_timeout=600)
    service, uuid = hung.service, hung.uuid
    running = wait_until(lambda: at_its_step(hung), f"{stage} hangs", 60)
    pending = control(service, uuid, "redeploy")
    answer = service.post(f"/stacks/{uuid}/control", json={"command": "cancel"})
    assert (answer.status_code, answer.headers.get("Location")) == (204, None)
    run = service.wait_for_run(uuid, running["uuid"], status="failed")
    assert (run["outcome"], run["step"]) == ("cancelled", hung.step)
    assert "cancelled by a person" in run["message"]
    dropped = service.wait_for_run(uuid, pending, status="skipped")
    assert (dropped["started_at"], dropped["message"]) == (None, "cancelled by a person")
    entries = service.get(f"/stacks/{uuid}/log").json()
    assert "cancelled" in [entry["outcome"] for entry in entries]
    check_nothing_is_left(hung, run)
    assert any("cancelled by a person" in line for line in printed(service, hung.stack, run))
    check_the_next_trigger_runs(hung, engine)


def at_its_step(hung: Hanging) -> Run | None:
    """Return the run once it has come as far as it will, and its command runs."""
    [run] = hung.service.runs(hung.uuid)
    there = run["step"] == hung.step and (hung.step == "gate" or hung.leftovers(run))
    return run if there and run["status"] == "running" else None


def test_cancel_ends_a_command_on_a_running_stack(
    patient: Place, engine: Engine, tmp_path: Path
) -> None:
    service = patient.service
    repository = repository_of(tmp_path / "repository", stubborn("1", 1000))
    stack = deployed(service, repository, self_heal=False)
    stop = control(service, stack["uuid"], "stop")
    wait_until(lambda: processes_of(service, {"uuid": stop}), "the command runs")
    control_at_once(service, stack, "cancel")
    run = service.wait_for_run(stack["uuid"], stop, status="failed")
    assert run["outcome"] == "cancelled"
    assert shown(service, stack)["state"] == "active"
    assert processes_of(service, run) == []
    remove_all(stack)


def control_at_once(service: Service, stack: Stack, command: str) -> None:
    answer = service.post(f"/stacks/{stack['uuid']}/control", json={"command": command})
    assert answer.status_code == 204, answer.text


def test_what_a_cancelled_deploy_had_begun_is_put_back(
    patient: Place, engine: Engine, tmp_path: Path
) -> None:
    service = patient.service
    repository = repository_of(tmp_path / "repository", web_and_db("1"))
    stack = deployed(service, repository)
    first = repository.head
    endless = {"test": ["CMD", "sleep", str(EVER)], "interval": "1s", "timeout": f"{EVER}s"}
    service.patch(f"/stacks/{stack['uuid']}", json={"health_timeout": 600})
    repository.commit(web_and_db("2", healthcheck=endless))
    order = webhook(service, stack["uuid"])
    wait_until(lambda: service.runs(stack["uuid"])[0]["step"] == "gate", "it waits for health")
    assert version(engine, stack) == "2"
    control_at_once(service, stack, "cancel")
    service.wait_for_run(stack["uuid"], order, status="failed")
    wait_until(lambda: service.runs(stack["uuid"])[0]["trigger"] == "drift", "it is healed")
    service.wait_for_run(stack["uuid"])
    assert version(engine, stack) == "1"
    assert shown(service, stack)["commit"] == first


def test_cancel_is_fine_where_nothing_runs(patient: Place, engine: Engine, tmp_path: Path) -> None:
    service = patient.service
    repository = repository_of(tmp_path / "repository", web_and_db("1"))
    stack = deployed(service, repository)
    control_at_once(service, stack, "cancel")
    assert [run["status"] for run in service.runs(stack["uuid"])] == ["succeeded"]
    repository.commit(web_and_db("2"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert version(engine, stack) == "2"

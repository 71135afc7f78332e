"""A plan says what a deploy would do, and touches nothing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.scenarios.deploys.stage import Files, Stage, stack_files, without_image
from tests.support.compose_files import sleeper, slow
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import webhook
from tests.support.waiting import wait_until


def files(version: str = "1", **more: object) -> Files:
    services = {
        "web": sleeper(volumes=["./page.conf:/page.conf"]),
        "db": sleeper(environment={"VERSION": version}),
        "quiet": sleeper(),
    }
    return stack_files(services | more, {"page.conf": version})


def first_files() -> Files:
    return files(old=sleeper())


@pytest.fixture(scope="module")
def stage(
    shared_service: Service, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    repository = Repository(tmp_path_factory.mktemp("plan") / "repository")
    repository.commit(first_files(), message="The first version")
    return Stage(shared_service, engine, repository).create()


@pytest.fixture(autouse=True)
def rewound(stage: Stage) -> None:
    """Begin each test with the commit that runs."""
    stage.repository.rewind(str(stage.show()["commit"]))


@contextmanager
def nothing_touched(stage: Stage) -> Iterator[None]:
    def everything() -> list[Any]:
        # The plan looks at a commit in a place of its own, and git's mirror may grow.
        facts = {path: path.stat() for path in stage.checkout.rglob("*")}
        inodes = {path: (found.st_ino, found.st_mtime_ns) for path, found in facts.items()}
        beside = {path.name for path in stage.folder.iterdir()} - {
            "plan",
            "plan.index",
            "plan.whole",
        }
        runs = stage.service.runs(stage.uuid)
        stats = stage.service.get(f"/stacks/{stage.uuid}/stats").json()
        return [stage.containers, stage.files, inodes, beside, runs, stage.show(), stats]

    before = everything()
    yield
    assert everything() == before


def test_a_plan_tells_the_commits_and_what_happens_to_each_service(stage: Stage) -> None:
    present = stage.repository.head
    subject = 'Größer | "quoted" $HOME %s <b>'
    second = stage.repository.commit(files("2", new=sleeper()), message=f"{subject}\n\nA body.")
    third = stage.repository.commit({"README": "words"}, message="Words")
    with nothing_touched(stage):
        plan = stage.plan()
    commits = plan.pop("commits")
    assert plan == {
        "commit": third,
        "present_commit": present,
        "created": {"new": "new service"},
        "recreated": {
            "db": "configuration changed (compose.yml)",
            "web": "bind mount ./page.conf changed",
        },
        "removed": ["old"],
        "unchanged": ["quiet"],
    }
    told = [(each["commit"], each["author"], each["subject"]) for each in commits]
    assert told == [(third, "Tester", "Words"), (second, "Tester", subject)]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", each["at"]) for each in commits)


def test_a_deploy_does_what_the_plan_said(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    own = Stage(shared_service, engine, Repository(tmp_path / "repository"))
    own.repository.commit(first_files())
    own.create()
    own.repository.commit(files("2", new=sleeper()))
    plan = own.plan()
    before = own.ids
    run = own.ended(webhook(shared_service, own.uuid))
    gone = dict.fromkeys(plan["removed"], "no longer in the compose file")
    assert run["reasons"] == plan["created"] | plan["recreated"] | gone
    after = own.ids
    assert {name for name in before if name in after and before[name] == after[name]} == set(
        plan["unchanged"]
    )
    assert own.plan()["unchanged"] == sorted(after)


def test_a_plan_of_what_runs_changes_nothing(stage: Stage) -> None:
    with nothing_touched(stage):
        plan = stage.plan()
    assert (plan["commit"], plan["commits"]) == (plan["present_commit"], [])
    assert plan["unchanged"] == ["db", "old", "quiet", "web"]
    assert not plan["created"] | plan["recreated"]
    assert plan["removed"] == []


def test_a_plan_may_be_of_a_given_commit(stage: Stage) -> None:
    wanted = stage.repository.commit({"page.conf": "2"}, message="Wanted")
    stage.repository.commit(files("3"))
    with nothing_touched(stage):
        plan = stage.plan(commit=wanted)
    assert plan["commit"] == wanted
    assert [each["subject"] for each in plan["commits"]] == ["Wanted"]
    assert plan["recreated"] == {"web": "bind mount ./page.conf changed"}


def test_a_plan_may_be_of_a_commit_of_another_branch(stage: Stage) -> None:
    stage.repository.branch("other")
    wanted = stage.repository.commit({"page.conf": "other"})
    stage.repository.switch("main")
    with nothing_touched(stage):
        plan = stage.plan(commit=wanted)
    assert set(plan["recreated"]) == {"web"}


@pytest.mark.parametrize(
    "commit",
    ["main", "refs/heads/main", "", "12345678", "g" * 40, "A" * 40, "--help", 7, ["a" * 40], True],
)
def test_a_commit_that_is_none_is_refused(stage: Stage, commit: object) -> None:
    with nothing_touched(stage):
        answer = stage.service.post(f"/stacks/{stage.uuid}/plan", json={"commit": commit})
    assert answer.status_code == 400
    assert "40 hexadecimal digits" in answer.json()["error"]


def test_a_body_that_is_no_object_is_refused(stage: Stage) -> None:
    for body in (b"{", b"[]", b'"x"'):
        headers = {"Content-Type": "application/json"}
        path = f"/stacks/{stage.uuid}/plan"
        assert stage.service.post(path, data=body, headers=headers).status_code == 400
    assert stage.service.post("/stacks/none/plan").status_code == 404


def not_planned(stage: Stage, **body: object) -> str:
    """Ask for a plan that can't be made; return why."""
    with nothing_touched(stage):
        answer = stage.service.post(f"/stacks/{stage.uuid}/plan", json=body)
    assert answer.status_code == 422, answer.text
    return str(answer.json()["error"])


def test_a_commit_that_the_repository_lacks_cannot_be_planned(stage: Stage) -> None:
    assert "no such branch, tag or commit" in not_planned(stage, commit="1" * 40)


def test_a_broken_commit_cannot_be_planned_and_the_plan_says_why(stage: Stage) -> None:
    stage.repository.commit({"compose.yml": "services: {web: ["})
    assert "yaml: line" in not_planned(stage)
    stage.repository.commit(remove=["compose.yml"])
    assert "compose.yml is not in the repository" in not_planned(stage)
    stage.repository.commit(stack_files({"web": sleeper(environment={"X": "${X:?is needed}"})}))
    assert "is needed" in not_planned(stage)
    stage.repository.commit(stack_files({"web": sleeper(env_file="../../../lock")}))
    assert "Supervisor's own storage" in not_planned(stage)
    stage.repository.rewind(str(stage.show()["commit"]))
    assert stage.plan()["unchanged"]


def test_a_plan_neither_pulls_nor_builds(stage: Stage) -> None:
    stage.repository.commit(
        files(
            "2",
            far=sleeper(image="127.0.0.1:1/no/such:1"),
            made=without_image(build="made"),
        )
        | {"made/Dockerfile": f"FROM {BASE_IMAGE}\nRUN false\n"}
    )
    with nothing_touched(stage):
        plan = stage.plan()
    assert plan["created"] == {"far": "new service", "made": "new service"}
    assert docker("image", "ls", "--quiet", f"{stage.project}-made") == ""


def test_before_the_first_deploy_everything_is_new(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    own = Stage(shared_service, engine, Repository(tmp_path / "repository"))
    own.repository.commit({"compose.yml": "services: {web: ["})
    own.create_only()
    shared_service.wait_for_run(own.uuid, status="failed")
    own.repository.commit(first_files())
    plan = own.plan()
    assert plan["present_commit"] is None
    assert plan["commits"] == []
    assert plan["created"] == dict.fromkeys(("db", "old", "quiet", "web"), "new service")
    assert own.ids == {}
    assert not own.checkout.exists()


def test_a_plan_is_made_while_a_run_goes_on_and_does_not_disturb_it(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    own = Stage(shared_service, engine, Repository(tmp_path / "repository"))
    own.repository.commit(slow(0))
    own.create()
    run = own.push(slow(4, "2"))
    path = f"/stacks/{own.uuid}/runs/{run}"
    wait_until(lambda: shared_service.get(path).json()["step"] == "up", "the run is at `up`")
    own.repository.commit(slow(4, "3"))
    plan = own.plan()
    assert shared_service.get(path).json()["status"] == "running"
    assert plan["commit"] == own.repository.head
    assert set(plan["recreated"]) == {"job", "web"}
    ended = own.ended(run)
    assert ended["commit_after"] == own.repository.git("rev-parse", "HEAD~1")
    assert len(plan["commits"]) == 2


def test_plans_that_wait_for_a_git_server_hold_nobody_up(
    shared_service: Service, engine: Engine, tmp_path: Path, stage: Stage
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(stack_files({"web": sleeper()}))
    with GitServer(tmp_path) as server:
        own = Stage(shared_service, engine, repository).create(
            git_repository=server.url(repository.path),
            git_username=server.username,
            git_token=server.password,
        )
        server.faults.stall = True
        asked = len(server.requests)
        with pytest.raises(requests.Timeout):
            own.service.post(f"/stacks/{own.uuid}/plan", timeout=1)
        assert len(server.requests) > asked
        second = own.service.post(f"/stacks/{own.uuid}/plan")
        assert second.status_code == 409
        assert "being made already" in second.json()["error"]
        assert shared_service.get("/up").status_code == 200
        assert stage.plan()["unchanged"]
        third = own.service.post(f"/stacks/{own.uuid}/plan")
        assert third.status_code == 409, "the first is over: perhaps the others waited for it"
        server.faults.stall = False
        server.faults.status = 503
        server.close()

        def free() -> bool:
            answer = own.service.post(f"/stacks/{own.uuid}/plan")
            assert server.password not in answer.text
            return answer.status_code == 422 and "cannot be reached" in answer.json()["error"]

        wait_until(free, "the plan is over")

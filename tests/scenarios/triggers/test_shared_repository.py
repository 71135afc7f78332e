"""One webhook, one repository, many stacks: on the real server, with a real engine."""

from pathlib import Path
from typing import Any

import requests

from tests.conftest import StartService
from tests.support import forges as sent
from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine
from tests.support.recorder import Recorder
from tests.support.repository import Repository

FOREIGN = {"signature_secret": "the secret of somebody else"}
NAMES = ("shop", "blog", "wiki", "mail")


def files(name: str, version: str) -> dict[str, str]:
    web = sleeper(environment={"VERSION": version}, network_mode="none")
    return {f"{name}/{path}": text for path, text in compose({"web": web}).items()}


def test_a_push_is_fetched_once_and_touches_the_stacks_that_it_concerns(
    start_service: StartService, engine: Engine, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path / "recorder")
    service = start_service(PATH=recorder.path, SUPERVISOR_CONCURRENCY="4")
    repository = Repository(tmp_path / "monorepo")
    repository.commit({path: text for name in NAMES for path, text in files(name, "1").items()})
    other = Repository(tmp_path / "other")
    other.commit(files("shop", "1"))

    def create(name: str, where: Repository = repository, **fields: Any) -> dict[str, Any]:
        file = f"{name}/compose.yml"
        return service.create_stack(git_repository=where.url, compose_file=file, **fields)

    stacks = {name: create(name) for name in NAMES}
    foreign = [create("shop", other, **FOREIGN), create("shop", **FOREIGN)]
    for stack in (*stacks.values(), *foreign):
        service.wait_for_run(stack["uuid"])
    before = {name: engine.containers(stack["project"]) for name, stack in stacks.items()}
    fetched = len(recorder.calls("fetch"))

    repository.commit(files("shop", "2") | files("blog", "2"))
    other.commit(files("shop", "2"))
    # It names the other repository too; who signed it knows no secret of a stack on that one.
    addresses = {"clone_url": repository.url, "ssh_url": other.url}
    call = sent.github(sent.push(repository=addresses))
    url = f"{service.url}/webhook"
    answer = requests.post(url, data=call.body, headers=call.headers, timeout=30)
    assert answer.status_code == 202
    told = {each["name"]: each for each in answer.json()["stacks"]}
    assert set(told) == {stack["name"] for stack in stacks.values()}

    for name, stack in stacks.items():
        touched = name in ("shop", "blog")
        (each,) = [each for each in told.values() if each["uuid"] == stack["uuid"]]
        assert each["result"] == "accepted"
        status = "succeeded" if touched else "skipped"
        run = service.wait_for_run(stack["uuid"], each["run"], status=status)
        assert (run["trigger"], run["commit_after"]) == ("webhook", repository.head)
        words = "Deployed" if touched else "Nothing of the stack changed"
        assert words in run["message"]
        kept = engine.containers(stack["project"]) == before[name]
        assert kept is not touched
        shown = service.get(f"/stacks/{stack['uuid']}").json()
        assert shown["commit"] == repository.head
    assert len(recorder.calls("fetch")) == fetched + 1
    words = [word for argv in recorder.calls() for word in argv]
    assert not any(sent.NEW in word for word in words), "the payload's commit reached a command"
    for stack in foreign:
        (run,) = service.runs(stack["uuid"])
        assert run["trigger"] == "api"

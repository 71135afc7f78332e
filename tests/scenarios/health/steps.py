"""What the tests of the gate, the way back, drift and limits have in common."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine, docker
from tests.support.repository import Repository
from tests.support.service import UNFINISHED, Service
from tests.support.triggers import webhook
from tests.support.waiting import wait_until

Stack = dict[str, Any]
Run = dict[str, Any]
Files = dict[str, str]


def still(version: str = "1", **extra: object) -> dict[str, object]:
    """Return a service that just runs; without a network, since an engine has only so many."""
    environment = {"environment": {"VERSION": version}, "network_mode": "none"}
    return sleeper(**environment | extra)


def script(text: str, **extra: object) -> dict[str, object]:
    """Return a service that runs a shell script."""
    command = ["sh", "-c", text.replace("$", "$$")]
    return sleeper(**{"command": command, "network_mode": "none", **extra})


def check(test: str, **extra: object) -> dict[str, object]:
    """Return a health check that looks each second and believes the first failure."""
    return {"test": ["CMD-SHELL", test], "interval": "1s", "retries": 1, **extra}


def web_and_db(version: str, **web: object) -> Files:
    """Return two services of which only `web` has a version; `web` may be replaced."""
    return compose({"web": still(version) | web, "db": still()})


def repository_of(path: Path, files: Mapping[str, str]) -> Repository:
    """Make a repository with one commit of these files."""
    repository = Repository(path)
    repository.commit(files)
    return repository


def deployed(service: Service, repository: Repository, **fields: Any) -> Stack:
    """Create a stack and wait until it runs."""
    stack = service.create_stack(git_repository=repository.url, **fields)
    service.wait_for_run(stack["uuid"])
    return shown(service, stack)


def shown(service: Service, stack: Stack) -> Stack:
    """Return the stack as the API shows it now."""
    found: Stack = service.get(f"/stacks/{stack['uuid']}").json()
    return found


def printed(service: Service, stack: Stack, run: Run) -> list[str]:
    """Return what a run printed."""
    path = f"/stacks/{stack['uuid']}/runs/{run['uuid']}"
    lines: list[str] = service.get(path).json()["output"]
    return lines


def version(engine: Engine, stack: Stack, service: str = "web") -> str:
    """Return the version that a service's container was made with."""
    return variable(engine, stack, service, "VERSION")


def variable(engine: Engine, stack: Stack, service: str, name: str) -> str:
    """Return a variable of a service's container, its image's included."""
    rows = inspect(engine, stack, service, ".Config.Env")
    return str(dict(row.split("=", 1) for row in rows)[name])


def inspect(engine: Engine, stack: Stack, service: str, what: str) -> Any:
    """Return one value of a service's container, such as `.State.Status`."""
    container = engine.containers(stack["project"])[service]
    return json.loads(docker("inspect", "--format", f"{{{{json {what}}}}}", container))


def checks(service: Service, stack: Stack, count: int) -> None:
    """Wait until the repository was asked so many more times."""
    for _ in range(count):
        last = shown(service, stack)["last_check"]
        wait_until(lambda last=last: shown(service, stack)["last_check"] != last, "a check")


UNHEALTHY = {"healthcheck": check("false")}
GATE = 30  # nothing waits for it to end


def rolled_back(service: Service, stack: Stack, run: str | None = None) -> Run:
    """Wait for a run that failed and was taken back."""
    found = service.wait_for_run(stack["uuid"], run, status="failed")
    assert found["outcome"] == "rolled_back", found
    return found


def deploy(service: Service, repository: Repository, stack: Stack, files: Files) -> Run:
    """Commit files, and have them deployed by a webhook, or by a poll that was quicker."""
    repository.commit(files)
    return _tried(service, stack, repository.head, "succeeded")


def _tried(service: Service, stack: Stack, commit: str, status: str) -> Run:
    """Send a webhook; return the run that ended so with the commit, once nothing goes on."""
    webhook(service, stack["uuid"])

    def run() -> Run | None:
        runs = service.runs(stack["uuid"])
        found = [r for r in runs if (r["commit_after"], r["status"]) == (commit, status)]
        return found[0] if found and not any(r["status"] in UNFINISHED for r in runs) else None

    return wait_until(run, f"a run with {commit[:12]} has {status}", 60)


def break_by(service: Service, repository: Repository, stack: Stack, files: Files) -> Run:
    """Commit files that can't be deployed, and have them tried by a webhook."""
    repository.commit(files)
    found = _tried(service, stack, repository.head, "failed")
    assert found["outcome"] == "rolled_back", found
    return found


def healed_by_removing(service: Service, engine: Engine, stack: Stack, name: str) -> Run:
    count = len(service.runs(stack["uuid"]))
    docker("rm", "--force", engine.containers(stack["project"])[name])
    wait_until(lambda: len(service.runs(stack["uuid"])) > count, "a run heals")
    return service.wait_for_run(stack["uuid"])

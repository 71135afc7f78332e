"""The tests' own supports do what other tests rely on."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.support import ROOT
from tests.support.engine import Engine, docker
from tests.support.git_http import GitServer
from tests.support.ports import free_port
from tests.support.repository import Repository, two_services
from tests.support.waiting import wait_until


def compose(project: str, folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["docker", "compose", "--project-name", project, "-f", folder / "compose.yml", *arguments],
        check=True,
        timeout=60,
    )


def served_version(port: int) -> str | None:
    try:
        return requests.get(f"http://127.0.0.1:{port}/version", timeout=5).text.strip()
    except requests.ConnectionError:
        return None


def test_two_services_serve_their_version_and_are_removed_without_a_trace(
    engine: Engine, tmp_path: Path
) -> None:
    project = engine.claim(f"support-{free_port()}")
    port = free_port()
    repository = Repository(tmp_path / "stack")
    repository.commit(two_services("1", port=port))
    compose(project, repository.path, "up", "--detach")
    assert wait_until(lambda: served_version(port), "the version is served") == "1"
    before = engine.containers(project)

    repository.commit(two_services("2", port=port))
    compose(project, repository.path, "up", "--detach")
    wait_until(lambda: served_version(port) == "2", "the new version is served")
    assert engine.run_inside(project, "web", "cat", "/www/version") == "2"
    after = engine.containers(project)
    assert after["db"] == before["db"]
    assert after["web"] != before["web"]
    assert engine.projects_below(tmp_path) == {project}

    engine.remove(project)
    assert engine.containers(project) == {}
    assert project not in docker("network", "ls", "--format", "{{.Name}}")


def clone(url: str, target: Path, credentials: str = "") -> subprocess.CompletedProcess[str]:
    address = url.replace("://", f"://{credentials}@") if credentials else url
    return subprocess.run(
        ["git", "-c", "credential.helper=", "clone", "--quiet", address, str(target)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"},
        timeout=30,
    )


def test_the_git_server_wants_the_right_password(
    git_server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    url = git_server.url(repository.path)
    assert clone(url, tmp_path / "none").returncode
    assert clone(url, tmp_path / "wrong", "git:wrong").returncode
    right = clone(url, tmp_path / "right", f"git:{git_server.password}")
    assert right.returncode == 0, right.stderr
    assert (tmp_path / "right/compose.yml").exists()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_the_git_server_answers_with_a_status_at_will(
    git_server: GitServer, repository: Repository, tmp_path: Path, status: int
) -> None:
    git_server.faults.status = status
    done = clone(git_server.url(repository.path), tmp_path / "clone", "git:any")
    assert done.returncode
    assert git_server.requests


def test_the_git_server_breaks_off_at_will(git_server: GitServer, repository: Repository) -> None:
    git_server.faults.reset = True
    with pytest.raises(requests.ConnectionError):
        requests.get(git_server.url(repository.path), timeout=5)


def test_the_git_server_stalls_at_will(git_server: GitServer, repository: Repository) -> None:
    git_server.faults.stall = True
    with pytest.raises(requests.ReadTimeout):
        requests.get(git_server.url(repository.path), timeout=0.3)


def test_the_git_server_trickles_at_will(git_server: GitServer, repository: Repository) -> None:
    git_server.faults.trickle = True
    address = git_server.url(repository.path) + "/info/refs?service=git-upload-pack"
    start = time.monotonic()
    with requests.get(address, auth=("git", git_server.password), stream=True, timeout=5) as answer:
        assert len(answer.raw.read(3)) == 3
    assert time.monotonic() - start > 1


def test_history_is_rewritten_as_a_forced_push_does(repository: Repository) -> None:
    first = repository.head
    repository.tag("v1")
    replaced = repository.commit({"a": "1"}, amend=True)
    assert replaced != first
    repository.tag("v1")
    assert repository.git("rev-parse", "v1") == replaced
    repository.commit({"b/c": "2"}, remove=["a"])
    assert not (repository.path / "a").exists()
    repository.rewind(replaced)
    assert repository.head == replaced


AT_ITS_LIMIT = """
import threading
from tests.support.waiting import noted, wait_until

def test_it():
    with noted("what came in time"):
        pass
    def aside():
        with noted("the other thread's own"):
            threading.Event().wait()
    threading.Thread(target=aside, name="aside", daemon=True).start()
    wait_until(lambda: False, "the cows come home")
"""


def test_a_test_at_its_limit_says_what_it_and_its_threads_waited_for(tmp_path: Path) -> None:
    (tmp_path / "test_limit.py").write_text(AT_ITS_LIMIT)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--timeout", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout
    told = done.stdout.partition("- What it waited for -")[2]
    assert "to the limit: the cows come home, within 60 s (MainThread)" in told, done.stdout
    assert "to the limit: the other thread's own (aside)" in told
    assert "in time" not in told

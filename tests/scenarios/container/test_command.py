"""The `supervisor` command in the container, as docs/ has it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.container.conftest import StartContainer
from tests.support.container import STORAGE, USER
from tests.support.service import API_KEY, SECRET_KEY_BASE

# The image is built first, on a machine that may have to fetch all of it.
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

NEW = "a-new-secret-key-base-0123456789abcdef0123456789"
KEYS = {"SUPERVISOR_API_KEY": API_KEY, "SUPERVISOR_SECRET_KEY_BASE": SECRET_KEY_BASE}


def call(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[Any]:
    return subprocess.run(
        ["docker", *arguments], input=given, check=False, capture_output=True, timeout=60
    )


def beside(name: str, image: str, *command: str, given: bytes, **keys: str) -> str:
    """Call the command beside a stopped container, with its volume."""
    environment = [word for key in (KEYS | keys).items() for word in ("--env", "=".join(key))]
    options = ("--rm", "--interactive", "--volumes-from", name, *environment)
    done = call("run", *options, image, "supervisor", *command, given=given)
    assert done.returncode == 0, done.stderr.decode()
    return str(done.stdout.decode() + done.stderr.decode())


def test_the_command_works_in_the_container_and_beside_it(
    start_container: StartContainer, image: str, tmp_path: Path
) -> None:
    force = ("--env", "SUPERVISOR_FORCE_SSL=true")
    service = start_container(f"--volume={tmp_path / 'host'}:{STORAGE}", options=force)
    service.headers = {"X-Forwarded-Proto": "https"}
    stack = service.create_stack(git_repository="file:///nowhere.git", git_token="canary-1")
    service.wait_for_run(stack["uuid"], status="failed")

    said = service.inside("supervisor", "check")
    assert "WRONG" not in said
    assert f"mounts    ok: the engine sees the storage at {tmp_path / 'host'}" in said
    assert stack["name"] in service.inside("supervisor", "stacks", "list")
    backup = call("exec", service.name, "supervisor", "backup", "-").stdout
    assert backup.startswith(b"SQLite format 3")
    refused = call("exec", service.name, "supervisor", "rotate-key", "--generate")
    assert refused.returncode == 3, refused.stderr

    service.patch(f"/stacks/{stack['uuid']}", json={"name": "changed after the backup"})
    service.stop()
    said = beside(service.name, image, "restore", "-", given=backup)
    assert "before-restore-" in said
    said = beside(
        service.name, image, "rotate-key", "--new-key-file", "-", given=f"{NEW}\n".encode()
    )
    assert "The secrets of 1 stacks" in said
    said = beside(service.name, image, "check", given=b"", SUPERVISOR_SECRET_KEY_BASE=NEW)
    assert "database  ok" in said
    said = beside(
        service.name, image, "rotate-key", "--new-key-file", "-",
        given=SECRET_KEY_BASE.encode(), SUPERVISOR_SECRET_KEY_BASE=NEW,
    )  # fmt: skip
    owners = {path.stat().st_uid for path in (tmp_path / "host").iterdir()}
    assert owners == {USER}
    service.start()
    assert service.get(f"/stacks/{stack['uuid']}").json()["name"] == stack["name"]

"""The example set-ups are valid compose files, and say what is missing."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.engine import Engine

EXAMPLES = sorted((ROOT / "examples").iterdir())
ENVIRONMENT = {
    "SUPERVISOR_API_KEY": "k" * 16,
    "SUPERVISOR_SECRET_KEY_BASE": "s" * 32,
    "SUPERVISOR_HOST": "supervisor.example.org",
    "ACME_EMAIL": "you@example.org",
}


def config(example: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "--project-directory", example, "config", "--format", "json"]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=example,
        timeout=30,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_valid_and_publishes_only_the_proxy(engine: Engine, example: Path) -> None:
    done = config(example, **ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert "ports" not in services["supervisor"]
    assert {volume["target"] for volume in services["supervisor"]["volumes"]} == {
        "/var/run/docker.sock",
        "/supervisor/storage",
    }
    proxy = services[example.name]
    assert [port["published"] for port in proxy["ports"]] == ["80", "443"]
    # A socket of the engine makes root of whoever comes in from the internet.
    for volume in proxy["volumes"]:
        assert "docker.sock" not in volume["source"]
        if volume["type"] == "bind" and "certificates" not in volume["source"]:
            assert Path(volume["source"]).is_file()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_what_is_missing_is_named(engine: Engine, example: Path, missing: str) -> None:
    given = {name: value for name, value in ENVIRONMENT.items() if name != missing}
    done = config(example, **given)
    needed = missing in (example / "compose.yml").read_text()
    assert (done.returncode != 0) == needed
    assert (missing in done.stderr) == needed

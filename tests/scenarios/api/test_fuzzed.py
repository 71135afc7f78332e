"""What schemathesis makes up from the description is answered as the description says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import ROOT
from tests.support.service import API_KEY, Service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has no engine: what strangers make up shall start nothing."""
    nobody = "unix:///nowhere/docker.sock"
    service = Service(tmp_path_factory.mktemp("fuzzed"), DOCKER_HOST=nobody)
    yield service.start(healthy=False)
    service.close()


def test_no_request_that_schemathesis_makes_up_is_answered_otherwise(service: Service) -> None:
    """Positive and negative data, other methods, and chains of requests: see fuzzing.toml."""
    stack = service.create_stack(git_repository="file:///nowhere/at/all.git")
    run = service.wait_for_run(stack["uuid"], status="failed")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", "tests/scenarios/api/fuzzing.toml"),
            *("run", f"{service.url}/openapi.json", "--no-color"),
        ],
        cwd=ROOT,
        env=os.environ
        | {
            "SUPERVISOR_API_KEY": API_KEY,
            "FUZZED_UUID": stack["uuid"],
            "FUZZED_RUN_UUID": run["uuid"],
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    # All but the description itself.
    assert re.search(r"Selected: (\d+)/\1\n +Tested: \1\n", done.stdout), done.stdout
    assert "Internal server error" not in service.log_text
    urls = [service.get(f"/stacks/{each['uuid']}").json() for each in service.get("/stacks").json()]
    assert all(each.get("git_repository", "file://").startswith("file://") for each in urls)

"""The scripts that bring an engine, run where one answers already."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.engine import Engine
from tests.support.waiting import wait_until

WITH_ENGINE = str(ROOT / "scripts/with-engine.sh")


def run(*command: str | Path, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": path}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, timeout=60
    )


def test_with_engine_passes_arguments_and_the_exit_status_on(engine: Engine) -> None:
    done = run(WITH_ENGINE, "sh", "-c", 'echo "$1"; exit 7', "sh", "two  words")
    assert (done.stdout, done.returncode) == ("two  words\n", 7)


def test_an_inner_call_leaves_the_engine_to_the_outer_one(engine: Engine) -> None:
    assert run(WITH_ENGINE, WITH_ENGINE, "true").returncode == 0
    assert run("docker", "info").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_which_may_clean_up(
    engine: Engine, tmp_path: Path, number: signal.Signals
) -> None:
    cleaned = tmp_path / "cleaned"
    with subprocess.Popen(command_that_cleans_up(tmp_path)) as process:
        wait_until((tmp_path / "ready").exists, "the command runs")
        process.send_signal(number)
        assert process.wait(20) == 3
    assert cleaned.exists()


def test_a_command_that_a_signal_ends_at_once_has_its_status_told(
    engine: Engine, tmp_path: Path
) -> None:
    # It has ended before the script, which passed the signal on, looks again.
    slow = {"BASH_FUNC_kill%%": '() { builtin kill "$@" && sleep 0.5; }'}
    command = command_that_cleans_up(tmp_path)
    with subprocess.Popen(command, env=os.environ | slow) as process:
        wait_until((tmp_path / "ready").exists, "the command runs")
        process.terminate()
        assert process.wait(20) == 3


def command_that_cleans_up(folder: Path) -> list[str]:
    """Return a command that a signal ends, or half a minute: a failed test waits for its end."""
    traps = f"trap 'touch {folder}/cleaned; exit 3' INT TERM; touch {folder}/ready"
    return [WITH_ENGINE, "bash", "-c", f"{traps}; for _ in {{1..600}}; do sleep 0.05; done"]


def test_where_a_shell_in_the_background_has_us_ignore_ctrl_c_the_tests_still_send_it() -> None:
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    configured = "from tests import conftest; conftest.pytest_configure()"
    ended = "import subprocess; print(subprocess.run(['sh', '-c', 'kill -INT $$']).returncode)"
    done = run(sys.executable, "-c", f"{ignoring}; {configured}; {ended}")
    assert done.stdout == f"{-signal.SIGINT}\n", done.stderr


def test_who_may_not_install_is_told_what_is_missing(tmp_path: Path) -> None:
    user = tmp_path / "id"
    user.write_text("#!/bin/sh\necho 1000\n")
    user.chmod(0o755)
    done = run(ROOT / "scripts/install.sh", "docker.io", path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "apt-get install docker.io" in done.stderr

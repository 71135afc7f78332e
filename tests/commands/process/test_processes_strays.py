"""What a killed service left running is found by its mark, and nothing else."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from supervisor.commands.process.processes import end_strays, marked
from tests.support.shell import ENVIRONMENT
from tests.support.waiting import wait_until

MARK = "SUPERVISOR_COMMAND_OF"


def test_strays_are_found_by_their_mark_and_no_others(tmp_path: Path) -> None:
    def start(mark: str, script: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["sh", "-c", script], env=ENVIRONMENT | {MARK: mark}, start_new_session=True
        )

    stubborn = f"trap '' TERM; touch {tmp_path}/ready; while :; do sleep 0.1; done"
    ours = [start(f"{tmp_path}:1#a", "sleep 1000"), start(f"{tmp_path}:2#b", stubborn)]
    other = start(f"{tmp_path}x:3#c", "sleep 1000")
    wait_until((tmp_path / "ready").exists, "the stubborn one ignores TERM")
    assert end_strays(f"{tmp_path}:", 0.3) >= 2
    assert [process.wait(30) for process in ours] == [-signal.SIGTERM, -signal.SIGKILL]
    assert other.poll() is None
    os.killpg(other.pid, signal.SIGKILL)
    other.wait(30)


def test_no_prefix_means_no_process() -> None:
    # Only looks: ending would reach the commands of every other service on this machine.
    with pytest.raises(ValueError, match="prefix"):
        marked("")

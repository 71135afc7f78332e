"""A command's process has limits, leaves no core file and ends with the service."""

import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.commands.process.child import ResourceLimits
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed
from tests.support import ROOT
from tests.support.shell import ENVIRONMENT, alive, capture
from tests.support.waiting import wait_until


def test_limits_hold(shell: Shell) -> None:
    with pytest.raises(CommandFailed):
        capture(
            shell, "head -c 300m /dev/zero | tail", limits=ResourceLimits(memory_bytes=64 * 1024**2)
        )
    with pytest.raises(CommandFailed):  # and not CommandTimedOut
        capture(shell, "while :; do :; done", seconds=200, limits=ResourceLimits(cpu_seconds=1))


def test_the_child_writes_no_core_file(shell: Shell) -> None:
    assert capture(shell, "ulimit -c").strip() == "0"


def test_the_child_ends_with_the_service(tmp_path: Path) -> None:
    script = f"""
from supervisor.commands.process.shell import (Shell)
Shell(log=lambda lines: print(*lines, flush=True), marker="{tmp_path}:").stream(
    ["sh", "-c", "echo ready; exec sleep 1000"], env={ENVIRONMENT!r}, seconds=100)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as service:
        assert service.stdout
        assert service.stdout.readline() == b"ready\n"
        service.kill()
    wait_until(lambda: alive(tmp_path) == [], "the command has ended too")

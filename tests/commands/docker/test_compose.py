"""What is said where no engine and no plugin are there; variables reach Compose exactly."""

import os
import stat
from pathlib import Path

import pytest

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandMissing, EngineUnreachable


def test_no_engine_is_called_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("unix:///nope.sock", "tcp://127.0.0.1:1"):
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(EngineUnreachable):
            Engine(shell).version(10)


def test_a_missing_plugin_is_called_so(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands in for a docker without the plugin, wherever this machine has the plugin.
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho \"docker: 'compose' is not a docker command.\" >&2\nexit 1\n")
    fake.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    with pytest.raises(CommandMissing, match="Compose plugin"):
        Compose(Engine(shell), Project("sv-none", tmp_path)).stop(10)

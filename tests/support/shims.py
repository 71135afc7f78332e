"""A `docker` before the real one, which prints what a test wants before it lets that go on."""

import os
import shutil
from pathlib import Path


def talkative_docker(folder: Path, script: str, command: str = "up") -> str:
    """Make it; return the PATH that finds it. The shell script runs before one Compose command."""
    real = shutil.which("docker")
    assert real, "docker is not installed"
    folder.mkdir()
    path = folder / "docker"
    plugin = folder / "docker-compose"
    plugin.symlink_to(path)
    where = f'[ "$1" != info ] || exec echo {plugin}'
    wanted = f'case " $* " in *" {command} "*)\n{script}\n;; esac'
    path.write_text(f'#!/bin/sh\n{where}\n{wanted}\nexec {real} "$@"\n')
    path.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"

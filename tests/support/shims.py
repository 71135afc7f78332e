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
    path.write_text(
        f'#!/bin/sh\ncase " $* " in *" {command} "*)\n{script}\n;; esac\nexec {real} "$@"\n'
    )
    path.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"

"""What tests of commands need: an environment, and lines as they came."""

import os
from pathlib import Path

from supervisor.commands.process.processes import MARKER
from supervisor.commands.process.shell import Shell

ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Log:
    """Lines as they came."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, lines: list[str]) -> None:
        self.lines += lines


def capture(shell: Shell, script: str, seconds: float = 20, **options: object) -> str:
    """Return what a shell script prints."""
    argv = ["sh", "-c", script]
    return shell.capture(argv, env=ENVIRONMENT, seconds=seconds, **options)  # type: ignore[arg-type]


def alive(folder: Path) -> list[int]:
    """Return the processes that bear the mark of this test."""
    wanted = f"{MARKER}={folder}:".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if any(entry.startswith(wanted) for entry in environment.split(b"\0")):
            found.append(int(process.name))
    return found

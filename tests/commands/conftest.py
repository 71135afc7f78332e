"""What the tests of commands share: a shell that remembers, and what processes there are."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.commands.process.shell import Cancellation, Shell

ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Log:
    """Lines as they came."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, lines: list[str]) -> None:
        self.lines += lines


@pytest.fixture
def log() -> Log:
    """Remember what a command printed."""
    return Log()


@pytest.fixture
def make_shell(log: Log, tmp_path: Path) -> Callable[..., Shell]:
    """Make a shell whose processes bear this test's own mark."""

    def make(**changes: object) -> Shell:
        settings: dict[str, object] = {
            "log": log,
            "cancellation": Cancellation(),
            "marker": f"{tmp_path}:",
            "kill_grace_seconds": 0.5,
        }
        return Shell(**(settings | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def shell(make_shell: Callable[..., Shell]) -> Shell:
    """Make the shell that most tests need."""
    return make_shell()

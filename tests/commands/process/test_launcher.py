"""The process that starts commands is one, small, holds nothing open, and can be done without."""

import os
import threading
import time
from contextlib import ExitStack

import psutil
import pytest

from supervisor.commands.process.launcher import CannotStart, launcher
from supervisor.commands.process.pipes import open_pipe
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed
from tests.support.shell import ENVIRONMENT


def starter() -> psutil.Process:
    """Return this process's starter."""
    [found] = [p for p in psutil.Process().children() if p.cmdline()[-1] == STARTER]
    return found


STARTER = "supervisor.commands.process.starter"


def echo(shell: Shell, text: str) -> str:
    return shell.capture(["echo", text], env=ENVIRONMENT, seconds=10).strip()


def test_one_starter_starts_commands_of_all_threads(shell: Shell) -> None:
    echo(shell, "x")
    before = starter().pid
    said: list[str] = []

    def say(number: int) -> None:
        said.append(echo(shell, str(number)))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said, key=int) == [str(number) for number in range(30)]
    assert starter().pid == before


def test_after_its_starter_was_killed_the_next_command_gets_another(shell: Shell) -> None:
    echo(shell, "x")
    before = starter()
    before.kill()
    before.wait(5)
    assert echo(shell, "y") == "y"
    assert starter().pid != before.pid


def test_a_command_whose_starter_is_killed_ends_and_says_so() -> None:
    shell = Shell(log=lambda _lines: starter().kill())
    with pytest.raises(CommandFailed, match="SIGKILL"):
        shell.stream(["sh", "-c", "echo ready; sleep 60"], env=ENVIRONMENT, seconds=30)


def test_what_cannot_be_started_ends_no_other_command(shell: Shell) -> None:
    echo(shell, "x")
    before = starter().pid
    with ExitStack() as stack:
        answers, out = (stack.enter_context(open_pipe()) for _ in range(2))
        with pytest.raises(CannotStart, match="nowhere"):  # it was there when it was looked for
            launcher.launch(["/nowhere/git"], ENVIRONMENT, None, answers, (out, out))
    assert echo(shell, "y") == "y"
    assert starter().pid == before


def test_a_starter_that_hangs_is_replaced(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    echo(shell, "x")
    starter().suspend()
    with monkeypatch.context() as changed, pytest.raises(CommandFailed, match="cannot start"):
        changed.setattr("supervisor.commands.process.launcher.START_SECONDS", 0.5)
        echo(shell, "y")
    assert echo(shell, "z") == "z"


def test_the_starter_knows_nothing_of_the_environment_but_the_path(shell: Shell) -> None:
    os.environ["SUPERVISOR_CANARY"] = "x"
    try:
        launcher.stop()
        echo(shell, "x")
    finally:
        del os.environ["SUPERVISOR_CANARY"]
    assert set(starter().environ()) <= {"PATH", "PYTHONPATH", "LC_CTYPE"}


def test_what_asks_for_the_end_of_a_group_does_not_reach_the_starter(shell: Shell) -> None:
    echo(shell, "x")
    for signal in ("terminate", "send_signal"):
        getattr(starter(), signal)(*([2] if signal == "send_signal" else []))
    time.sleep(0.2)
    assert starter().status() != psutil.STATUS_ZOMBIE
    assert echo(shell, "y") == "y"

"""Commands are followed as they print, ended when they must be, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from supervisor.commands.process.processes import MARKER, end_strays
from supervisor.commands.process.shell import Cancellation, Shell, command_name
from supervisor.errors import (
    CommandCancelled,
    CommandFailed,
    CommandMissing,
    CommandTimedOut,
    SupervisorError,
)
from tests.support import ROOT
from tests.support.shell import ENVIRONMENT, Log, alive, capture
from tests.support.waiting import wait_until, well_within

MakeShell = Callable[..., Shell]
SOON = 30  # seconds; what has to end here would otherwise take a thousand


def stream(shell: Shell, script: str, seconds: float = 20, **options: object) -> None:
    argv = [sys.executable, "-c", script] if "import" in script else ["sh", "-c", script]
    shell.stream(argv, env=ENVIRONMENT, seconds=seconds, **options)  # type: ignore[arg-type]


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def zombies() -> list[int]:
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if child.status() == psutil.STATUS_ZOMBIE]


def test_lines_arrive_as_they_are_printed(make_shell: MakeShell, tmp_path: Path) -> None:
    """The command prints each line only after the one before has arrived."""
    arrived: list[str] = []

    def take(lines: list[str]) -> None:
        arrived.extend(lines)
        for line in lines:
            (tmp_path / line).touch()

    wait = f"until [ -e {tmp_path}/$i ]; do sleep 0.01; done"
    stream(make_shell(log=take), f"for i in 1 2 3 4 5; do echo $i; {wait}; done")
    assert arrived == ["1", "2", "3", "4", "5"]


def test_both_outputs_are_one_stream_in_order(shell: Shell, log: Log) -> None:
    stream(shell, "for i in 1 2 3; do echo out$i; echo err$i >&2; done")
    assert log.lines == ["out1", "err1", "out2", "err2", "out3", "err3"]


def test_capture_returns_stdout_whole_and_logs_nothing(shell: Shell, log: Log) -> None:
    assert capture(shell, r"printf 'a\n\377b'; echo secret >&2") == "a\n\ufffdb"
    assert log.lines == []


def test_the_environment_is_what_was_given_and_the_mark(shell: Shell, tmp_path: Path) -> None:
    os.environ["SUPERVISOR_CANARY"] = "x"
    entries = shell.capture(["env"], env=ENVIRONMENT | {"A": "1"}, seconds=5).split()
    del os.environ["SUPERVISOR_CANARY"]
    names = {entry.partition("=")[0] for entry in entries}
    assert names == {"PATH", "A", MARKER}
    assert any(entry.startswith(f"{MARKER}={tmp_path}:") for entry in entries)


def test_the_command_runs_in_the_folder(shell: Shell, tmp_path: Path) -> None:
    assert capture(shell, "pwd", cwd=tmp_path).strip() == str(tmp_path)


def test_a_failure_tells_the_command_its_code_and_its_last_words(make_shell: MakeShell) -> None:
    shell = make_shell(redact=lambda text: text.replace("token", "****"))
    with pytest.raises(CommandFailed) as caught:
        capture(shell, "seq 100 >&2; echo my token >&2; exit 3")
    assert caught.value.exit_code == 3
    assert caught.value.command.startswith("sh")
    assert caught.value.output.splitlines()[-2:] == ["100", "my ****"]
    assert len(caught.value.output.splitlines()) <= 20


def test_the_command_of_an_error_is_not_its_arguments(shell: Shell) -> None:
    with pytest.raises(CommandFailed) as caught:
        shell.capture(["sh", "-c", "exit 1", "canary"], env=ENVIRONMENT, seconds=5)
    assert "canary" not in str(caught.value)


@pytest.mark.row("P9")
@pytest.mark.parametrize(("number", "hint"), [("KILL", "memory"), ("SEGV", "SIGSEGV")])
def test_a_death_by_signal_names_it(shell: Shell, number: str, hint: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        capture(shell, f"kill -{number} $$")
    assert caught.value.exit_code == -getattr(signal, f"SIG{number}")
    assert f"SIG{number}" in str(caught.value)
    assert hint in str(caught.value)


def test_what_is_not_installed_is_named(shell: Shell) -> None:
    with pytest.raises(CommandMissing, match="no-such-program"):
        shell.capture(["no-such-program"], env=ENVIRONMENT, seconds=5)


@pytest.mark.parametrize("argument", ["a\0b", "x" * 200_000, "\ud800"])
def test_arguments_that_no_process_can_take_are_an_error_of_ours(
    shell: Shell, argument: str
) -> None:
    before = count_descriptors()
    with pytest.raises(SupervisorError):
        shell.capture(["echo", argument], env=ENVIRONMENT, seconds=5)
    assert zombies() == []
    assert count_descriptors() == before


def test_an_argument_that_is_no_text_is_refused(shell: Shell) -> None:
    for argument in (None, False, 1, ["a"]):
        with pytest.raises(TypeError):
            shell.capture(["echo", argument], env=ENVIRONMENT, seconds=5)  # type: ignore[list-item]


def test_a_folder_that_is_gone_is_an_error_of_ours(shell: Shell, tmp_path: Path) -> None:
    before = count_descriptors()
    with pytest.raises(CommandFailed):
        capture(shell, "true", cwd=tmp_path / "gone")
    assert zombies() == []
    assert count_descriptors() == before


def test_a_million_lines_flow_and_none_is_lost(make_shell: MakeShell) -> None:
    counts: list[int] = []
    shell = make_shell(log=lambda lines: counts.append(len(lines)))
    stream(shell, "yes | head -n 1000000")
    assert sum(counts) == 1_000_000
    assert len(counts) < 5000  # many at once, or each would cost a write to the database


def test_fifty_megabytes_without_a_line_end_are_one_short_line(shell: Shell, log: Log) -> None:
    before = psutil.Process().memory_info().rss
    stream(shell, "head -c 50000000 /dev/zero | tr '\\0' x; echo END")
    assert [line[-3:] for line in log.lines] == ["END"]
    assert len(log.lines[0]) < 5300
    assert psutil.Process().memory_info().rss - before < 30_000_000


def test_capture_refuses_more_than_its_maximum(shell: Shell) -> None:
    with pytest.raises(CommandFailed, match="1000 bytes"):
        capture(shell, "head -c 5000 /dev/zero", maximum_bytes=1000)


def test_the_time_limit_ends_a_whole_family(make_shell: MakeShell, tmp_path: Path) -> None:
    shell = make_shell(kill_grace_seconds=0.3)
    script = "trap '' TERM; sleep 1000 & setsid sleep 1000 & echo ready; sleep 1000"
    with well_within(SOON), pytest.raises(CommandTimedOut) as caught:
        stream(shell, script, seconds=0.6)
    assert caught.value.seconds == 0.6
    assert alive(tmp_path) == []
    assert zombies() == []


def test_a_polite_command_may_end_by_itself(make_shell: MakeShell) -> None:
    cancellation, lines = Cancellation(), []

    def take(printed: list[str]) -> None:
        lines.extend(printed)
        cancellation.cancel("it is ready for that")

    script = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
print("x" * 3_000_000)
print("cleaned up", flush=True)
"""
    shell = make_shell(log=take, cancellation=cancellation, kill_grace_seconds=SOON)
    with pytest.raises(CommandCancelled):
        stream(shell, script)
    assert lines[-1] == "cleaned up"


def test_a_cancellation_ends_the_command_and_keeps_its_first_reason(
    make_shell: MakeShell, tmp_path: Path
) -> None:
    cancellation = Cancellation()

    def cancel(_lines: list[str]) -> None:
        for reason in ("the stack was deleted", "later"):
            cancellation.cancel(reason)

    shell = make_shell(cancellation=cancellation, log=cancel)
    with well_within(SOON), pytest.raises(CommandCancelled, match="the stack was deleted"):
        stream(shell, "echo ready; sleep 1000", seconds=1000)
    assert alive(tmp_path) == []


def test_nothing_is_started_after_a_cancellation(make_shell: MakeShell, tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel("stop")
    with pytest.raises(CommandCancelled):
        stream(make_shell(cancellation=cancellation), f"touch {tmp_path}/started")
    assert not (tmp_path / "started").exists()


def test_a_flood_can_be_timed_out(make_shell: MakeShell) -> None:
    shell = make_shell(log=lambda _: None)
    with well_within(SOON), pytest.raises(CommandTimedOut):
        stream(shell, "yes", seconds=0.5)


@pytest.mark.row("P10")
def test_leftovers_of_a_finished_command_are_killed(shell: Shell, tmp_path: Path) -> None:
    with well_within(SOON):
        stream(shell, "sleep 1000 & echo done", seconds=1000)
    assert alive(tmp_path) == []


def test_a_daemon_with_the_pipe_does_not_hold_us_up(shell: Shell, tmp_path: Path) -> None:
    with well_within(SOON):
        stream(shell, "setsid sleep 1000 & echo done", seconds=1000)
    end_strays(f"{tmp_path}:", 0.1)


def test_output_that_is_still_in_the_pipe_at_the_end_is_read(make_shell: MakeShell) -> None:
    lines: list[str] = []

    def slowly(batch: list[str]) -> None:
        time.sleep(0.4)
        lines.extend(batch)

    stream(make_shell(log=slowly), "seq 20000")
    assert lines[-1] == "20000"
    assert len(lines) == 20000


@pytest.mark.row("P10", "P11")
def test_a_hundred_commands_leave_no_descriptor_thread_or_zombie(shell: Shell) -> None:
    capture(shell, "true")
    descriptors, threads = count_descriptors(), threading.active_count()
    for number in range(100):
        capture(shell, "exit 0") if number % 2 else stream(shell, "echo x")
    assert count_descriptors() == descriptors
    wait_until(lambda: threading.active_count() <= threads, "no thread is left")
    assert zombies() == []


def test_commands_in_threads_do_not_hold_the_hub() -> None:
    program = ["-m", "tests.commands.process.gevent_smoke"]
    done = subprocess.run(
        [sys.executable, *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 0


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["git", "--git-dir=/x", "fetch", "--quiet", "canary"], "git fetch"),
        (["git", "--git-dir=/x", "--work-tree=/y", "read-tree", "canary"], "git read-tree"),
        (
            ["docker", "compose", "--ansi", "never", "--project-name", "p", "up", "canary"],
            "docker compose up",
        ),
        (["docker", "version", "--format", "x"], "docker version"),
    ],
)
def test_a_command_is_called_by_its_verbs(argv: list[str], name: str) -> None:
    assert command_name(argv) == name

"""The one door to command lines; behind it the launcher has them started through `sh`.

Output never goes through `sh`: it would buffer without end, or drop what it can't hold. The
command writes into a pipe, and the thread that asked for it reads.
"""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from supervisor.commands.process.child import (
    CANNOT_START,
    ResourceLimits,
    check_arguments,
    check_folder,
    find_executable,
)
from supervisor.commands.process.launcher import CannotStart, Process, launcher
from supervisor.commands.process.lines import LineSplitter
from supervisor.commands.process.pipes import Pipe, open_pipe
from supervisor.commands.process.processes import MARKER, end_all, marked, signal_group
from supervisor.commands.process.pump import LINGER_SECONDS, Pump, Sink
from supervisor.errors import CommandCancelled, CommandFailed, CommandTimedOut

__all__ = ["Cancellation", "ResourceLimits", "Shell"]

TAIL_LINES = 20
REAP_SECONDS = 5.0  # a killed process ends at once, unless it waits for a broken disk


class Cancellation:
    """A wish to end what a run is doing; may be expressed from any thread."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._reason = ""

    def cancel(self, reason: str) -> None:
        """Ask for the end; the first reason counts."""
        if not self._asked.is_set():
            self._reason = reason
            self._asked.set()

    @property
    def reason(self) -> str | None:
        """Return why the end was asked for, None if it was not."""
        return self._reason if self._asked.is_set() else None


def _unchanged(text: str) -> str:
    return text


def _ignored(_lines: list[str]) -> None:
    return None


@dataclass(frozen=True)
class Shell:
    """Run commands for one run: where its lines go, what ends it, what is taken out of them."""

    log: Callable[[list[str]], None] = _ignored
    redact: Callable[[str], str] = _unchanged
    cancellation: Cancellation = field(default_factory=Cancellation)
    marker: str = ""
    kill_grace_seconds: float = 5.0

    def stream(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        limits: ResourceLimits | None = None,
    ) -> None:
        """Run a command and log its lines as they are printed.

        Raise CommandFailed with the last lines, CommandTimedOut, CommandCancelled,
        CommandMissing.
        """
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        splitter = LineSplitter(self.redact)

        def take(lines: list[str]) -> None:
            if lines:
                tail.extend(lines)
                self.log(lines)

        command = _Command(self, argv, env, seconds)
        try:
            command.run([lambda data: take(splitter.feed(data))], cwd, limits)
        finally:
            take(splitter.flush())
        command.check("\n".join(tail))

    def capture(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        limits: ResourceLimits | None = None,
        maximum_bytes: int = 16 * 1024 * 1024,
    ) -> str:
        """Run a command and return what it printed; raise like `stream`.

        The end of its standard error is kept for the error; more than the maximum is an error.
        """
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        splitter = LineSplitter(self.redact)
        out = bytearray()

        def keep(data: bytes) -> None:
            out.extend(data[: maximum_bytes + 1 - len(out)])

        command = _Command(self, argv, env, seconds)
        command.run([keep, lambda data: tail.extend(splitter.feed(data))], cwd, limits)
        tail.extend(splitter.flush())
        command.check("\n".join(tail))
        if len(out) > maximum_bytes:
            raise CommandFailed(command.name, 0, f"printed more than {maximum_bytes} bytes")
        return out.decode("utf-8", "replace")


class _Command:
    """One process group, from its start to its end."""

    def __init__(
        self, shell: Shell, argv: Sequence[str], env: Mapping[str, str], seconds: float
    ) -> None:
        self.name = command_name(argv)
        check_arguments(self.name, argv, env)
        self._shell = shell
        self._argv = [find_executable(argv[0], env), *argv[1:]]
        self._own_marker = f"{shell.marker}#{uuid4().hex}"
        self._env = dict(env) | {MARKER: self._own_marker}
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._ended_by: CommandTimedOut | CommandCancelled | None = None
        self._exit_code = 0

    def run(self, sinks: Sequence[Sink], cwd: Path | None, limits: ResourceLimits | None) -> None:
        """Start, read to the end, leave nothing behind; one sink takes both outputs."""
        if self._is_due() and self._ended_by:
            raise self._ended_by
        check_folder(self.name, cwd)
        with ExitStack() as stack:
            answers, *pipes = [stack.enter_context(open_pipe()) for _ in (None, *sinks)]
            process = self._start(cwd, limits, answers, pipes)
            for pipe in (answers, *pipes):
                pipe.writer.close()
            readers = [pipe.reader for pipe in pipes]
            pump = Pump(process.answers, dict(zip(readers, sinks, strict=True)))
            try:
                self._follow(pump, process.pid)
            finally:
                signal_group(process.pid, signal.SIGKILL)
                if pump.wait(REAP_SECONDS):
                    self._exit_code = process.exit_code()

    def check(self, output: str) -> None:
        """Raise what became of the command, unless it succeeded."""
        if self._ended_by:
            raise self._ended_by
        if self._exit_code < 0:
            name = signal.Signals(-self._exit_code).name
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            output = f"{output}\nended by {name}{hint}".strip()
        if self._exit_code:
            raise CommandFailed(self.name, self._exit_code, output)

    def _start(
        self, cwd: Path | None, limits: ResourceLimits | None, answers: Pipe, pipes: Sequence[Pipe]
    ) -> Process:
        argv = limits.wrap(self._argv) if limits else self._argv
        try:
            return launcher.launch(argv, self._env, cwd, answers, (pipes[0], pipes[-1]))
        except (OSError, CannotStart) as error:
            raise CommandFailed(self.name, CANNOT_START, f"cannot start: {error}") from None

    def _follow(self, pump: Pump, group: int) -> None:
        """Read until the command has ended, or end it; what printed last is read too."""
        pump.run(self._is_due)
        if self._ended_by:
            signal_group(group, signal.SIGTERM)
            pump.run_for(self._shell.kill_grace_seconds)
        signal_group(group, signal.SIGKILL)
        if self._ended_by:
            end_all(marked(self._own_marker), 0)
        # A grandchild that left the group may keep the pipe open; waited for, but not for long.
        pump.run_for(LINGER_SECONDS)

    def _is_due(self) -> bool:
        reason = self._shell.cancellation.reason
        if reason is not None:
            self._ended_by = CommandCancelled(self.name, reason)
        elif time.monotonic() > self._deadline:
            self._ended_by = CommandTimedOut(self.name, self._seconds)
        return self._ended_by is not None


# Options of git and docker compose that take the next word.
WITH_VALUE = {
    "--ansi",
    "--progress",
    "--project-name",
    "--project-directory",
    "--file",
    "--env-file",
}


def command_name(argv: Sequence[str]) -> str:
    """Return what to call a command in messages: its program and verbs, never a value."""
    words = iter(argv)
    name = [Path(str(next(words))).name.removesuffix("-compose")]  # the plugin is docker's
    for word in words:
        if len(name) > (1 if name[-1] != "compose" else 2) or not isinstance(word, str):
            break
        if word in WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            name.append(word)
    return " ".join(name)

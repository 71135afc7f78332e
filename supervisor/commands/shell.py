"""The one door to command lines, and the only importer of `sh`.

Output never goes through `sh`: it would buffer without end, or drop what it can't hold. The
command writes into a pipe, and the thread that started it reads.
"""

import ctypes
import os
import resource
import select
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import sh

from supervisor.commands.lines import LineSplitter
from supervisor.commands.processes import MARKER, end_all, marked, signal_group
from supervisor.errors import CommandCancelled, CommandFailed, CommandMissing, CommandTimedOut

READ_BYTES = 256 * 1024
LOOK_SECONDS = 0.1
LINGER_SECONDS = 1.0
TAIL_LINES = 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)


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


@dataclass(frozen=True)
class Limits:
    """What a command may use: bytes of address space, seconds of processor time."""

    memory_bytes: int | None = None
    cpu_seconds: int | None = None


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
        limits: Limits | None = None,
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

        with _Pipe() as pipe:
            command = _Command(self, argv, env, seconds)
            command.start(pipe.writer, pipe.writer, cwd, limits)
            pipe.close_writer()
            command.follow({pipe.reader: lambda data: take(splitter.feed(data))})
            take(splitter.flush())
        command.check("\n".join(tail))

    def capture(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        limits: Limits | None = None,
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

        with _Pipe() as output, _Pipe() as errors:
            command = _Command(self, argv, env, seconds)
            command.start(output.writer, errors.writer, cwd, limits)
            output.close_writer()
            errors.close_writer()
            command.follow(
                {output.reader: keep, errors.reader: lambda d: tail.extend(splitter.feed(d))}
            )
            tail.extend(splitter.flush())
        command.check("\n".join(tail))
        if len(out) > maximum_bytes:
            raise CommandFailed(command.name, 0, f"printed more than {maximum_bytes} bytes")
        return out.decode("utf-8", "replace")


class _Pipe:
    """A pipe whose two ends are closed for sure."""

    def __enter__(self) -> "_Pipe":
        self.reader, descriptor = os.pipe()
        self.writer = os.fdopen(descriptor, "wb", 0)
        return self

    def close_writer(self) -> None:
        self.writer.close()

    def __exit__(self, *_error: object) -> None:
        os.close(self.reader)
        self.writer.close()


class _Command:
    """One process group, from its start to its end."""

    def __init__(
        self, shell: Shell, argv: Sequence[str], env: Mapping[str, str], seconds: float
    ) -> None:
        self.name = " ".join(word for word in argv[:3] if not word.startswith("-"))
        self._shell = shell
        self._argv = argv
        self._own_marker = f"{shell.marker}#{uuid4().hex}"
        self._env = dict(env) | {MARKER: self._own_marker}
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._ended_by: CommandTimedOut | CommandCancelled | None = None
        self._exit_code = 0

    def start(self, out: object, err: object, cwd: Path | None, limits: Limits | None) -> None:
        path = shutil.which(self._argv[0], path=self._env.get("PATH"))
        if path is None:
            raise CommandMissing(self._argv[0])
        if any("\0" in argument for argument in self._argv):
            raise CommandFailed(self.name, 0, "an argument contains NUL")
        with Path(os.devnull).open("rb") as nothing:
            self._process = sh.Command(path)(
                *self._argv[1:],
                _in=nothing,
                _out=out,
                _err=err,
                _env=self._env,
                _cwd=str(cwd) if cwd else None,
                _bg=True,
                _bg_exc=False,
                _new_session=True,
                _tty_out=False,
                _preexec_fn=_in_child(limits),
                _return_cmd=True,
            ).process

    def follow(self, readers: dict[int, Callable[[bytes], None]]) -> None:
        """Read until the command has ended, or has to be ended."""
        poll = select.poll()
        for descriptor in readers:
            poll.register(descriptor, select.POLLIN)
        open_ones = set(readers)
        ended_at: float | None = None
        while open_ones:
            for descriptor, _event in poll.poll(LOOK_SECONDS * 1000):
                data = os.read(descriptor, READ_BYTES)
                if data:
                    readers[descriptor](data)
                else:
                    poll.unregister(descriptor)
                    open_ones.discard(descriptor)
            self._end_if_due()
            if not self._is_alive():
                # A grandchild may keep the pipe open; its lines are waited for, but not for long.
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > LINGER_SECONDS:
                    break
        self._wait()
        self._end_group()

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

    def _is_alive(self) -> bool:
        return bool(self._process.is_alive()[0])

    def _wait(self) -> None:
        """Wait for the exit of a command that closed its output before."""
        while self._is_alive():
            self._end_if_due()
            time.sleep(0.005)
        self._exit_code = self._process.wait()

    def _end_if_due(self) -> None:
        if self._ended_by:
            return
        reason = self._shell.cancellation.reason
        if reason is not None:
            self._ended_by = CommandCancelled(self.name, reason)
        elif time.monotonic() > self._deadline:
            self._ended_by = CommandTimedOut(self.name, self._seconds)
        if self._ended_by:
            self._end_group(self._shell.kill_grace_seconds)

    def _end_group(self, grace_seconds: float = 0) -> None:
        """Ask the whole group to end, then kill it, and what left the group."""
        group = self._process.pid
        if grace_seconds and signal_group(group, signal.SIGTERM):
            until = time.monotonic() + grace_seconds
            while time.monotonic() < until and (self._is_alive() or signal_group(group, 0)):
                time.sleep(0.02)
        signal_group(group, signal.SIGKILL)
        if self._ended_by:
            end_all(marked(self._own_marker), 0)


def _in_child(limits: Limits | None) -> Callable[[], None]:
    """Return what the child does between fork and exec: system calls only."""

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limits and limits.memory_bytes:
            resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes,) * 2)
        if limits and limits.cpu_seconds:
            resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds,) * 2)

    return prepare

"""Has commands started by a small process, so that Supervisor isn't copied for each of them."""

import atexit
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any, cast

from supervisor.commands.memory_file import memory_file, path_of
from supervisor.commands.pipes import Pipe

ROOT = Path(__file__).parents[2]
STARTER = (sys.executable, "-m", "supervisor.commands.starter")
PASSED_ON = ("PATH", "PYTHONPATH")
START_SECONDS = 30


class CannotStart(Exception):
    """Raised where a command can't be started; the text says why."""


class Process:
    """A process, as the starter tells of it; its end can be read from `answers`."""

    def __init__(self, answers: int) -> None:
        """Learn that it was started; raise CannotStart."""
        self.answers = answers
        self._unread = b""
        answer = self._next()
        if "refused" in answer:
            raise CannotStart(answer["refused"])
        if "pid" not in answer:
            raise CannotStart("the process that starts commands has ended, send redeploy")
        self.pid: int = answer["pid"]

    def exit_code(self) -> int:
        """Return how it ended, negative for a signal."""
        code: int = self._next().get("exit_code", -signal.SIGKILL)  # it ends with its starter
        return code

    def _next(self) -> dict[str, Any]:
        """Return what the starter wrote next, nothing where it is gone."""
        with suppress(BlockingIOError):
            self._unread += os.read(self.answers, 4096)
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line or "{}")
        return answer


class Launcher:
    """Have commands started; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starter: Popen[bytes] | None = None
        atexit.register(self.stop)

    def launch(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        answers: Pipe,
        outputs: Sequence[Pipe],
    ) -> Process:
        """Start a command with its two outputs; raise CannotStart."""
        order = {"argv": argv, "env": env, "cwd": str(cwd or "/")}
        with memory_file(json.dumps(order).encode()) as path:
            writers = [path_of(pipe.writer.fileno()) for pipe in (answers, *outputs)]
            starter = self._ask(json.dumps([path, *writers]))
            try:
                _await_answer(answers.reader, starter)
            finally:
                os.close(starter)
            return Process(answers.reader)

    def _ask(self, line: str) -> int:
        """Give an order to the starter; return a descriptor that stands for it."""
        with self._lock:
            if self._starter is None or self._starter.poll() is not None:
                self._end()
                self._starter = _begin()
            with suppress(BrokenPipeError):
                cast(IO[bytes], self._starter.stdin).write(f"{line}\n".encode())
            return os.pidfd_open(self._starter.pid)

    def stop(self) -> None:
        """End the starter, and with it what it started."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._starter:
            with self._starter as starter:
                starter.kill()
                self._starter = None


def _begin() -> Popen[bytes]:
    # Nothing else of Supervisor's own environment, above all not its keys.
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return Popen(STARTER, cwd=ROOT, env=environment, stdin=PIPE, bufsize=0, start_new_session=True)


def _await_answer(answers: int, starter: int) -> None:
    """Wait until an answer can be read, or none will come."""
    poll = select.poll()
    for descriptor in (answers, starter):
        poll.register(descriptor, select.POLLIN)
    if not poll.poll(START_SECONDS * 1000):
        # Whatever it hangs on, the next command gets a new one.
        signal.pidfd_send_signal(starter, signal.SIGKILL)
        poll.poll()


launcher = Launcher()

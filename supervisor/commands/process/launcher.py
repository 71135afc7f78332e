"""Has commands started by a small process, so that Supervisor isn't copied for each of them."""

import atexit
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from supervisor.commands.process.memory_file import memory_file, path_of
from supervisor.commands.process.pipes import Pipe

ROOT = Path(__file__).parents[3]
STARTER = (sys.executable, "-P", "-m", "supervisor.commands.process.starter")
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


class Starter:
    """The process that starts commands; not to be used by two threads at once."""

    def __init__(self, pid: int, orders: int) -> None:
        self.handle = os.pidfd_open(pid)
        self._orders = orders

    @property
    def is_alive(self) -> bool:
        """Tell whether it can take orders."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return not poll.poll(0)

    def order(self, line: str) -> None:
        """Write an order; where it ends just then, whoever waits for its answer learns of that."""
        with suppress(BrokenPipeError):
            os.write(self._orders, f"{line}\n".encode())

    def end(self) -> None:
        """End it, and with it what it started."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self.handle, os.WEXITED)
        os.close(self.handle)
        os.close(self._orders)


class Launcher:
    """Have commands started; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starter: Starter | None = None
        atexit.register(self.stop)

    def fork(self) -> None:
        """Begin with a copy of this process, which shares its memory.

        Only while it has one thread, and is small: starting a command costs a fork of the copy.
        """
        orders, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_starter(orders)
        os.close(orders)
        self._starter = Starter(pid, writer)

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
            if self._starter is None or not self._starter.is_alive:
                self._end()
                self._starter = _begin()
            self._starter.order(line)
            return os.dup(self._starter.handle)

    def stop(self) -> None:
        """End the starter, and with it what it started."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._starter:
            self._starter.end()
            self._starter = None


def _begin() -> Starter:
    """Start a starter anew: a copy of this process would be as large, and have its locks."""
    orders, writer = os.pipe()
    try:
        # Nothing else of Supervisor's own environment, above all not its keys.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT)}
        stdin = (os.POSIX_SPAWN_DUP2, orders, 0)
        pid = os.posix_spawn(
            sys.executable, STARTER, environment, file_actions=[stdin], setsid=True
        )
    except OSError:
        os.close(writer)
        raise
    finally:
        os.close(orders)
    return Starter(pid, writer)


def _become_starter(orders: int) -> NoReturn:
    """Serve in a forked copy, which gives up all that the process had open."""
    try:
        os.setsid()
        os.dup2(orders, 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        from supervisor.commands.process import starter  # noqa: PLC0415 (imports sh)

        starter.serve()
    except BaseException:  # noqa: BLE001 (what called us must not go on in the copy)
        traceback.print_exc()
    finally:
        os._exit(1)


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

"""The process that starts commands, and the only importer of `sh`; the launcher talks to it.

Starting means to fork, and what a fork costs grows with the process: all of Supervisor would stand
still at each command. This process is small, and does nothing else.

Each line of its input is a JSON list of four paths: the order, and where to write what becomes of
it, its output, its error output. It answers with lines of JSON: `pid` and then `exit_code`, or
`refused`. It ends with its input, and what it started ends with it.
"""

import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import sh

from supervisor.commands.process.child import prepare
from supervisor.commands.process.processes import signal_group

SWITCH_SECONDS = 0.0001  # `sh` starts two threads for each command, and waits for them to begin
# A pipe takes 4096 bytes as a whole, and they are read so:
# https://man7.org/linux/man-pages/man7/pipe.7.html
LONGEST_REASON = 1000


class Refused(Exception):
    """A process cannot be started."""


def serve() -> None:
    """Start what is asked for, until the input ends."""
    sys.setswitchinterval(SWITCH_SECONDS)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the launcher decides when commands end
    # Commands start in this thread: each ends with the thread that started it (PR_SET_PDEATHSIG).
    # https://man7.org/linux/man-pages/man2/prctl.2.html
    with os.fdopen(0) as orders:
        for line in orders:
            with suppress(OSError):  # the process that asked is gone already
                take(*json.loads(line))


def take(order: str, answers: str, out: str, err: str) -> None:
    """Start one command, and have its end told."""
    told = os.open(answers, os.O_WRONLY | os.O_CLOEXEC)
    try:
        with Path(out).open("wb", 0) as out_file, Path(err).open("wb", 0) as err_file:
            process = start(json.loads(Path(order).read_bytes()), out_file, err_file)
    except (OSError, Refused) as error:
        with suppress(OSError):
            tell(told, refused=str(error))
        os.close(told)
    else:
        threading.Thread(target=await_end, args=(process, told), daemon=True).start()


def start(asked: dict[str, Any], out: BinaryIO, err: BinaryIO) -> Any:
    """Return the process of a command; raise Refused.

    https://sh.readthedocs.io/en/latest/sections/special_arguments.html
    """
    path, *arguments = asked["argv"]
    try:
        with Path(os.devnull).open("rb") as nothing:
            return sh.Command(path)(
                *arguments,
                _in=nothing,
                _out=out,
                _err=err,
                _env=asked["env"],
                _cwd=asked["cwd"],
                _bg=True,
                _bg_exc=False,
                # exec closes Python's own, and faster: https://peps.python.org/pep-0446/
                _close_fds=False,
                _new_session=True,
                _tty_out=False,
                _preexec_fn=prepare(),
                _return_cmd=True,
            ).process
    except Exception as error:  # noqa: BLE001 (whatever it is, other commands must not end with us)
        gc.enable()  # sh turns it off for the fork, and leaves it off where that fails
        raise Refused(str(error).strip().splitlines()[-1][:LONGEST_REASON]) from None


def await_end(process: Any, told: int) -> None:
    """Tell that a process runs, then how it ended."""
    try:
        tell(told, pid=process.pid)
        tell(told, exit_code=process.wait())
    except OSError:  # the process that could end it is gone
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        os.close(told)


def tell(told: int, **answer: object) -> None:
    """Write one answer."""
    os.write(told, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    serve()

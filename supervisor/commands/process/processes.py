"""Ending processes for good: groups, and what escaped from its group."""

import os
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARKER = "SUPERVISOR_COMMAND_OF"


def signal_group(group: int, number: signal.Signals) -> bool:
    """Signal a process group; False when no process is left in it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def marked(prefix: str) -> list[int]:
    """Return the processes whose environment carries a marker with this prefix."""
    if not prefix:
        raise ValueError("an empty prefix would mean the processes of every other service too")
    wanted = f"{MARKER}={prefix}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if any(variable.startswith(wanted) for variable in variables):
                    found.append(int(entry.name))
    return found


def end_all(pids: Iterable[int], grace_seconds: float) -> None:
    """Ask processes to end, and kill those that have not after the grace."""
    left = list(pids)
    _signal_each(left, signal.SIGTERM)
    until = time.monotonic() + grace_seconds
    nothing = select.poll()  # gevent would give this thread a hub of its own for time.sleep
    while left and time.monotonic() < until:
        nothing.poll(50)
        left = [pid for pid in left if _is_alive(pid)]
    _signal_each(left, signal.SIGKILL)


def end_strays(marker_prefix: str, grace_seconds: float) -> int:
    """End every process that an earlier life of this service started; return how many."""
    strays = marked(marker_prefix)
    end_all(strays, grace_seconds)
    return len(strays)


def _signal_each(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"

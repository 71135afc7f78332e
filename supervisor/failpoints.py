"""Points at which a test makes the service stumble; without the test's variable they do nothing."""

import os
import signal
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

VARIABLE = "SUPERVISOR_FAILPOINTS"


class Stumbled(Exception):
    """A failpoint was told to raise."""


@cache
def _armed() -> list[tuple[str, str, str]]:
    """Return point, action and switch of each; they read `up:kill9,gate:raise@/some/file`."""
    found = []
    for item in filter(None, os.environ.get(VARIABLE, "").split(",")):
        point, _, rest = item.partition(":")
        action, _, switch = rest.partition("@")
        found.append((point, action, switch))
    return found


def reach(point: str) -> None:
    """Do what a test wants to happen here: kill9, kill9_worker, raise, or sleep=SECONDS.

    With a switch it happens once, while that file is there.
    """
    for armed, action, switch in _armed():
        if armed == point and (not switch or _take(switch)):
            _act(point, action)


def _take(switch: str) -> bool:
    with suppress(FileNotFoundError):
        Path(switch).unlink()
        return True
    return False


def _act(point: str, action: str) -> None:
    if action == "kill9":
        os.kill(os.getppid(), signal.SIGKILL)
    if action.startswith("kill9"):
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "raise":
        raise Stumbled(point)
    if action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))

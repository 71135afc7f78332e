"""Points at which a test makes the service stumble; without the test's variable they do nothing."""

import os
import signal
import time
from functools import cache

VARIABLE = "SUPERVISOR_FAILPOINTS"


class Stumbled(Exception):
    """A failpoint was told to raise."""


@cache
def _armed() -> dict[str, str]:
    """Return the action of each armed point; the variable reads `up:kill9,tick:sleep=60`."""
    pairs = (item.partition(":") for item in os.environ.get(VARIABLE, "").split(",") if item)
    return {point: action for point, _, action in pairs}


def reach(point: str) -> None:
    """Do what a test wants to happen here: kill9, kill9_worker, raise, or sleep=SECONDS."""
    action = _armed().get(point, "")
    if action == "kill9":
        os.kill(os.getppid(), signal.SIGKILL)
    if action.startswith("kill9"):
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "raise":
        raise Stumbled(point)
    if action.startswith("sleep="):
        time.sleep(float(action.removeprefix("sleep=")))

"""What must be true after the service was ended by force and started again."""

import re
import sqlite3
from contextlib import closing

import psutil

from tests.support.service import UNFINISHED, Service, is_alive
from tests.support.waiting import wait_until

MARKER = "SUPERVISOR_COMMAND_OF"
MIRROR = re.compile(r"[0-9a-f]{32}\.git\Z")
STACK_FOLDER = {
    *("aside", "aside.index", "aside.whole"),
    *("checkout", "checkout.index", "checkout.whole"),
    "overrides.json",
}


def database_is_sound(service: Service) -> None:
    """Check every page and index of the database."""
    with closing(sqlite3.connect(service.storage / "supervisor.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def commands_of(service: Service) -> dict[str, list[str]]:
    """Return what any life of the service started and still lives: command lines by marker."""
    found = {}
    for process in psutil.process_iter():
        try:
            owner = process.environ().get(MARKER, "")
            if owner.startswith(f"{service.storage}:") and is_alive(process):
                found[owner.removeprefix(f"{service.storage}:")] = process.cmdline()
        except psutil.Error:
            continue
    return found


def commands_of_runs(service: Service) -> dict[str, list[str]]:
    """Return the live commands of runs: not those that look at the engine all the time."""
    own = ("events", "look", "check")
    return {
        owner: argv for owner, argv in commands_of(service).items() if not owner.startswith(own)
    }


def leftovers(service: Service) -> list[str]:
    """Return what is in the storage and should not be, by its path there."""
    storage = service.storage
    found = [path for path in storage.rglob("*.lock") if path.is_file()]
    found += list((storage / "mirrors").rglob("tmp_*"))
    found += [path for path in (storage / "mirrors").glob("*") if not MIRROR.match(path.name)]
    for folder in (storage / "stacks").glob("*"):
        found += [path for path in folder.iterdir() if path.name not in STACK_FOLDER]
    return [str(path.relative_to(storage)) for path in found]


def statuses(service: Service, stack: str) -> dict[str, str]:
    """Return the status of each of a stack's runs by its uuid."""
    return {run["uuid"]: run["status"] for run in service.runs(stack)}


def all_ended(service: Service, stack: str, seconds: float = 90) -> dict[str, str]:
    """Wait until no run of the stack is left to do; return how each ended."""

    def ended() -> dict[str, str] | None:
        found = statuses(service, stack)
        return None if set(found.values()) & set(UNFINISHED) else found

    return wait_until(ended, "every run has ended", seconds)

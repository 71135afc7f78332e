"""Plans: what a deploy would do, found out without touching anything that runs."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from supervisor.commands.process.shell import Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.recipe import Recipe
from supervisor.deploy.site import find_site
from supervisor.errors import LimitReached
from supervisor.settings.config import Config
from supervisor.stacks.snapshot import snapshot_of
from supervisor.store.models import Stack

COMMITS = 100
PLANS_AT_ONCE = 2

_room = threading.Semaphore(PLANS_AT_ONCE)
_of_stack: dict[int, threading.Lock] = defaultdict(threading.Lock)


def plan(
    stack: Stack, commit: str | None, config: Config, host_storage: HostStorage
) -> dict[str, Any]:
    """Return the commits in between and what would happen to each service.

    Raise LimitReached while other plans are made, and whatever keeps a deploy from beginning.
    """
    with _alone(stack):
        snapshot = snapshot_of(stack, config)
        shell = Shell(redact=snapshot.redact, marker=f"{config.marker}plan")
        site = find_site(snapshot.place, host_storage)
        recipe = Recipe(snapshot.spec, site, shell, config.limits, lambda _step, _text: None)
        wanted = recipe.fetch(commit)
        changes = recipe.prepare(wanted, site.place.plan, images=False).changes
        present = stack.applied_commit
        between: list[dict[str, str]] = []
        if present and present != wanted and recipe.mirror.has_commit(present):
            between = recipe.mirror.commits_between(present, wanted, COMMITS)
        return {
            "commit": wanted,
            "present_commit": present,
            "commits": between,
            "created": changes.created,
            "recreated": changes.recreated,
            "removed": changes.removed,
            "unchanged": changes.unchanged,
        }


@contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    own = _of_stack[stack.id]
    if not own.acquire(blocking=False):
        raise LimitReached("A plan of this stack is being made already")
    try:
        if not _room.acquire(blocking=False):
            raise LimitReached(f"{PLANS_AT_ONCE} plans are being made already")
        try:
            yield
        finally:
            _room.release()
    finally:
        own.release()

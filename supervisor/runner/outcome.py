"""How a run ended, from how far it came."""

import logging
from collections.abc import Callable
from typing import Any, ParamSpec

from supervisor.deploy.rollout import Progress
from supervisor.errors import StorageError
from supervisor.runs.ending import Outcome
from supervisor.stacks import vault
from supervisor.store.models import Stack
from supervisor.store.words import Status

log = logging.getLogger("supervisor.attempt")

P = ParamSpec("P")


def outcome_of(
    stack: Stack, progress: Progress, status: Status, message: str, **facts: Any
) -> Outcome:
    """Return the outcome of a run that came as far as this."""
    state = progress.state
    return Outcome(
        status,
        message,
        commit=progress.commit,
        came_up=progress.step == "gate",
        changed=progress.touched or status == Status.SUCCEEDED,
        healthy=progress.healthy,
        outcome=progress.outcome,
        reasons=progress.reasons,
        applied_commit=state.commit if state else None,
        applied=vault.seal_state(stack.uuid, state.dump()) if state else None,
        **facts,
    )


def keep_going(function: Callable[P, None]) -> Callable[P, None]:
    """Let a deploy go on when the database can't take a line of its output: a full disk, say."""

    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except StorageError as error:
            # The first line only: the rest quotes the statement, and with it the output.
            log.error("output could not be stored: %s", str(error).partition("\n")[0])

    return guarded

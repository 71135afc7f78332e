"""/stacks/<uuid>/control: what a person tells a stack to do."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint
from werkzeug.exceptions import BadRequest

from supervisor.api.body import json_object
from supervisor.api.runs import run_path
from supervisor.runner.pool import Runner
from supervisor.settings.parts import find
from supervisor.stacks import catalogue, control
from supervisor.stacks.fields.rules import NUL_OR_HALF
from supervisor.store.models import Run, Stack
from supervisor.store.words import Action, Trigger

blueprint = Blueprint("control", __name__)

LONGEST_REASON = 255
CANCELLED = "cancelled by a person"
RUNS = {
    action.value: action
    for action in (
        Action.START,
        Action.STOP,
        Action.RESTART,
        Action.REDEPLOY,
        Action.ROLLBACK,
        Action.PAUSE,
        Action.UNPAUSE,
    )
}


@blueprint.post("/stacks/<uuid>/control")
def command(uuid: str) -> Any:
    """Queue the command as a run, or do it at once where it is none."""
    stack = catalogue.find(uuid)
    body = json_object("stack")
    word = body.get("command")
    if not isinstance(word, str) or word not in RUNS.keys() | AT_ONCE.keys():
        raise BadRequest("Invalid control command")
    reason, until = _reason(body.get("reason")), _time(body.get("until"))
    if word in AT_ONCE:
        run = AT_ONCE[word](stack, reason, until)
    else:
        run = control.submit(uuid, RUNS[word], Trigger.API)
    return "", 204, {"Location": run_path(stack, run)} if run else {}


def _suspend(stack: Stack, reason: str | None, until: datetime | None) -> None:
    control.suspend(stack.uuid, reason, until)


def _resume(stack: Stack, _reason: str | None, _until: datetime | None) -> Run | None:
    return control.resume(stack.uuid)


def _cancel(stack: Stack, _reason: str | None, _until: datetime | None) -> None:
    """Drop what is pending first, so that nothing takes the place of what is ended."""
    control.drop_pending(stack.uuid, CANCELLED)
    runner = find(Runner)
    if runner:
        runner.cancel(stack.id, CANCELLED)


AT_ONCE: dict[str, Callable[[Stack, str | None, datetime | None], Run | None]] = {
    "suspend": _suspend,
    "resume": _resume,
    "cancel": _cancel,
}


def _reason(text: Any) -> str | None:
    if text is None:
        return None
    if isinstance(text, str) and len(text) <= LONGEST_REASON and not NUL_OR_HALF.search(text):
        return text
    raise BadRequest(f"reason must be text of at most {LONGEST_REASON} characters")


def _time(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        # Without a zone it is UTC. With one, it may be outside of the years that there are.
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadRequest("until must be a time such as 2030-01-31T12:00:00Z") from None

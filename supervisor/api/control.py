"""/stacks/<uuid>/control: what a person tells a stack to do."""

from typing import Any

from flask import Blueprint
from werkzeug.exceptions import BadRequest

from supervisor import stacks
from supervisor.api.body import json_object
from supervisor.api.runs import run_path
from supervisor.models import Action, Trigger

blueprint = Blueprint("control", __name__)

COMMANDS = {
    action.value: action
    for action in (
        Action.START,
        Action.STOP,
        Action.RESTART,
        Action.REDEPLOY,
        Action.PAUSE,
        Action.UNPAUSE,
    )
}


@blueprint.post("/stacks/<uuid>/control")
def command(uuid: str) -> Any:
    """Queue the command as a run."""
    stack = stacks.find(uuid)
    word = json_object("stack").get("command")
    if not isinstance(word, str) or word not in COMMANDS:
        raise BadRequest("Invalid control command")
    run = stacks.submit(uuid, COMMANDS[word], Trigger.API)
    return "", 204, {"Location": run_path(stack, run)}

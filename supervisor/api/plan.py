"""/stacks/<uuid>/plan: what a deploy would do."""

from typing import Any

from flask import Blueprint, g
from werkzeug.exceptions import BadRequest

from supervisor.api.answers.plan import PlanSchema
from supervisor.api.body import json_object
from supervisor.commands.git.references import is_commit
from supervisor.deploy.host_storage import HostStorage
from supervisor.errors import LimitReached, SupervisorError
from supervisor.runner.planner import plan
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks import catalogue

blueprint = Blueprint("plan", __name__)

plan_values = PlanSchema().dump


@blueprint.post("/stacks/<uuid>/plan")
def make(uuid: str) -> Any:
    """Plan a deploy of the newest commit, or of the one given; change nothing."""
    stack = catalogue.find(uuid)
    commit = (json_object("stack") if g.body else {}).get("commit")
    if commit is not None and not (isinstance(commit, str) and is_commit(commit)):
        raise BadRequest("commit must be a full commit id, 40 hexadecimal digits")
    try:
        return plan_values(plan(stack, commit, part_of(Config), part_of(HostStorage)))
    except LimitReached:
        raise
    except SupervisorError as error:
        # What would keep a deploy from beginning is the answer, not a fault of the service.
        return {"error": str(error)}, 422

"""/stacks: create, list, show, change, delete, figures."""

from typing import Any

from flask import Blueprint

from supervisor.api.body import flag, json_object
from supervisor.api.runs import run_path
from supervisor.errors import StackIsOwn
from supervisor.runner.pool import DELETED, Runner
from supervisor.settings.config import Config
from supervisor.settings.parts import find, part_of
from supervisor.stacks import catalogue, control
from supervisor.stacks.fields.input import new_values
from supervisor.stacks.view import overview_values, stack_values, stats_values

blueprint = Blueprint("stacks", __name__, url_prefix="/stacks")


@blueprint.post("")
def create() -> Any:
    """Store a stack and queue its first deploy."""
    values = new_values(json_object("stack"))
    stack = catalogue.create(values, part_of(Config).stacks_limit)
    return stack_values(stack), 201, {"Location": f"/stacks/{stack.uuid}"}


@blueprint.get("")
def index() -> Any:
    """List all stacks."""
    return [overview_values(stack) for stack in catalogue.overview()]


@blueprint.get("/<uuid>")
def show(uuid: str) -> Any:
    """Show a stack, secrets as asterisks."""
    return stack_values(catalogue.find(uuid))


@blueprint.route("/<uuid>", methods=["PATCH", "PUT"])
def update(uuid: str) -> Any:
    """Change the given fields; names the run where a redeploy was queued."""
    stack, run = catalogue.change(uuid, json_object("stack"))
    return stack_values(stack), 200, {"Location": run_path(stack, run)} if run else {}


@blueprint.delete("/<uuid>")
def delete(uuid: str) -> Any:
    """Queue the teardown; whatever the stack is doing now is ended first."""
    volumes = flag("volumes")
    runner = find(Runner)
    if runner and runner.is_own(catalogue.find(uuid)):
        raise StackIsOwn
    stack, run = control.mark_deleting(uuid, volumes=volumes)
    if runner:
        runner.cancel(stack.id, DELETED, spare=run)  # it may have begun
    return "", 204, {"Location": run_path(stack, run)}


@blueprint.get("/<uuid>/stats")
def stats(uuid: str) -> Any:
    """Show how often the stack ran and failed, and how its checks fare."""
    return stats_values(catalogue.find(uuid))

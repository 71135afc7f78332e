"""/stacks/<uuid>/runs: the full history."""

from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from supervisor.api.answers.runs import RunSchema, RunsSchema
from supervisor.api.body import Number
from supervisor.errors import RunNotFound
from supervisor.runs import history
from supervisor.stacks import catalogue
from supervisor.store.models import Run, Stack

blueprint = Blueprint("runs", __name__, url_prefix="/stacks/<uuid>/runs")

COUNT = Number("count", 20, 1, 100)

run_values, page_values = RunSchema().dump, RunsSchema().dump


def run_path(stack: Stack, run: Run) -> str:
    """Return where a run is found."""
    return f"/stacks/{stack.uuid}/runs/{run.uuid}"


@blueprint.get("")
def index(uuid: str) -> Any:
    """List runs, newest first; `before` is the uuid that the last page ended with."""
    stack = catalogue.find(uuid)
    count = COUNT.read()
    before = request.args.get("before")
    try:
        edge = history.run(stack, before).id if before is not None else None
    except RunNotFound:
        raise BadRequest("before must be the uuid of one of the stack's runs") from None
    found = history.runs(stack, edge, count + 1)
    page = found[:count]
    return page_values({"runs": page, "next": page[-1].uuid if len(found) > count else None})


@blueprint.get("/<run_uuid>")
def show(uuid: str, run_uuid: str) -> Any:
    """Show one run with what it printed."""
    run = history.run(catalogue.find(uuid), run_uuid)
    return {**run_values(run), "output": history.output_of(run)}

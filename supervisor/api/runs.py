"""/stacks/<uuid>/runs: the full history."""

from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from supervisor.api.body import Number
from supervisor.errors import RunNotFound
from supervisor.runs import history
from supervisor.stacks import catalogue
from supervisor.stacks.fields.answers import time_text
from supervisor.store.models import Run, Stack

blueprint = Blueprint("runs", __name__, url_prefix="/stacks/<uuid>/runs")

COUNT = Number("count", 20, 1, 100)


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
    page = [run_values(run) for run in found[:count]]
    return {"runs": page, "next": page[-1]["uuid"] if len(found) > count else None}


@blueprint.get("/<run_uuid>")
def show(uuid: str, run_uuid: str) -> Any:
    """Show one run with what it printed."""
    run = history.run(catalogue.find(uuid), run_uuid)
    return run_values(run) | {"output": history.output_of(run)}


def run_values(run: Run) -> dict[str, Any]:
    """Return a run without its output."""
    return {
        "uuid": run.uuid,
        "action": run.word,
        "trigger": run.trigger,
        "status": run.status,
        "step": run.step,
        "message": run.message,
        "outcome": run.outcome,
        "reasons": run.reasons,
        "commit_before": run.commit_before,
        "commit_after": run.commit_after,
        "requests": run.requests,
        "attempts": run.attempts,
        "created_at": time_text(run.created_at),
        "started_at": time_text(run.started_at),
        "finished_at": time_text(run.finished_at),
    }

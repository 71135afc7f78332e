"""/up: whether the service can do its work; cheap enough to ask every second."""

from typing import Any

from flask import Blueprint

from supervisor.api.answers.service import NotWellSchema, WellSchema
from supervisor.diagnostics.problems import CHECKS, find_problems

blueprint = Blueprint("up", __name__)

well_values, not_well_values = WellSchema().dump, NotWellSchema().dump


@blueprint.get("/up")
def show() -> Any:
    """Report each part: ok, or what is wrong with it."""
    problems = find_problems()
    if problems:
        return not_well_values({"code": 503, "errors": problems}), 503
    return well_values({"code": 200, "status": dict.fromkeys(CHECKS, "ok")})

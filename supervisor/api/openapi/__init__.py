"""/openapi.json: the API described in OpenAPI 3.1; made when it is first asked for."""

from typing import Any

from flask import Blueprint, Response, current_app

from supervisor.api.openapi.document import describe

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def show() -> Any:
    """Show the description; nobody needs a key for it."""
    known = current_app.extensions
    if "supervisor_openapi" not in known:
        known["supervisor_openapi"] = current_app.json.dumps(describe())
    return Response(known["supervisor_openapi"], mimetype="application/json")

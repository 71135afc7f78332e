"""/openapi.json: the API described in OpenAPI 3.1; made when it is first asked for."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app

from supervisor.api.openapi.document import describe
from supervisor.settings import parts

blueprint = Blueprint("openapi", __name__)


@dataclass(frozen=True)
class Description:
    """The description as it is sent."""

    text: str


@blueprint.get("/openapi.json")
def show() -> Any:
    """Show the description; nobody needs a key for it."""
    description = parts.find(Description)
    if description is None:
        description = Description(current_app.json.dumps(describe()))
        parts.keep(current_app, description)
    return Response(description.text, mimetype="application/json")

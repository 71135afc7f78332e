"""Puts the description together: what is general here, the rest from the modules beside."""

import re
from typing import Any

from apispec import APISpec

from supervisor.api.openapi import bodies, stack
from supervisor.api.openapi.converter import Plugin
from supervisor.api.openapi.operations import OPERATIONS
from supervisor.api.openapi.parts import ERRORS, error, in_path

VERSION = "0.1.0"
ABOUT = """\
Supervisor keeps Docker Compose stacks at the newest commit of their Git repositories.

- A body may be wrapped: `{"name": "site"}` and `{"stack": {"name": "site"}}` mean the same.
  It has at most 1 MiB.
- What queues a run answers at once, and names the run in `Location`.
- Every error is an object with one key, `error`.
- Every answer has `X-Request-Id`, the one of the request or a new one; the log has it too.
- Where plain HTTP is refused (`SUPERVISOR_FORCE_SSL`), `GET` and `HEAD` in clear get 301,
  all else 403.
"""
TAGS = {
    "stacks": "What is to run, and how it fares.",
    "runs": "What was done, what is being done, and what it prints.",
    "webhooks": "How forges tell that something was pushed.",
    "service": "Supervisor itself.",
}
SECURITY = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "`SUPERVISOR_API_KEY`. It is looked at before anything else.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Hub-Signature-256",
        "description": "`sha256=` and the HMAC-SHA-256 of the raw body in hex, made with the"
        " stack's `signature_secret`. The header is the one that the stack's `signature_header`"
        " names; other forges have other forms.",
    },
}


def describe() -> dict[str, Any]:
    """Return the whole description."""
    spec = APISpec(
        title="Supervisor",
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": "/"}],
        security=[{"key": []}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        plugins=[Plugin()],
    )
    for name, scheme in SECURITY.items():
        spec.components.security_scheme(name, scheme)
    for name, schema in (stack.schemas(spec) | bodies.SCHEMAS).items():
        spec.components.schema(name, schema)
    for status in ERRORS:
        spec.components.response(f"Error{status}", error(status))
    for path, operations in OPERATIONS.items():
        names = re.findall(r"{(\w+)}", path)
        spec.path(path, operations=operations, parameters=[in_path(name) for name in names])
    return spec.to_dict()

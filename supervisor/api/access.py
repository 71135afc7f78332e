"""Each request's id, and its line in the log."""

import logging
import re
import time
from collections.abc import Callable
from urllib.parse import quote
from uuid import uuid4

from flask import Flask, Response, g, request

from supervisor.logs.context import request_id
from supervisor.logs.quiet import QuietLog, cut

log = logging.getLogger("supervisor.access")

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
UNLOGGED = ("/up", "/up/")  # probes ask every few seconds


def identify(app: Flask) -> None:
    """Give each request an id, answer with it, and log how the request went."""
    without_key = QuietLog()

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if SANE.match(given) else uuid4().hex
        g.began = time.monotonic()
        request_id.set(g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        if request.path not in UNLOGGED:
            response.call_on_close(_line(response, without_key))
        return response


def _line(response: Response, without_key: QuietLog) -> Callable[[], None]:
    """Return what logs the request once its answer was sent, which for a follower may be long.

    https://werkzeug.palletsprojects.com/en/stable/wrappers/#werkzeug.wrappers.Response.call_on_close
    """
    # The query is left out: a client may have put a secret there.
    method, path, began = request.method, quote(request.path), g.began
    accepted = method == "POST" and response.status_code < 300  # a webhook, by its signature
    is_quiet = not g.get("has_key") and not accepted

    def write() -> None:
        left_out = without_key.admit() if is_quiet else 0
        if left_out is not None:
            shown = cut(path) if is_quiet else path
            status, ms = response.status_code, round((time.monotonic() - began) * 1000)
            facts = {"method": method, "path": shown, "status": status, "ms": ms}
            more = f", and {left_out} without a key before it" if left_out else ""
            log.info("%s %s: %d in %d ms%s", *facts.values(), more, extra={"facts": facts})
        request_id.set(None)

    return write

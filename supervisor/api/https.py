"""HTTPS only: what came in clear is sent to https, or refused."""

import re
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request

PROBED = ("/up", "/up/")  # asked from within the container, where there is no proxy
YEAR_SECONDS = 365 * 24 * 60 * 60
PATH_CHARACTERS = "/!$&'()*+,:;=@"
HTTPS_ONLY = (
    "HTTPS only: send this to the https address of the proxy. The proxy has to set"
    " X-Forwarded-Proto, and to be among SUPERVISOR_TRUSTED_PROXIES."
    " SUPERVISOR_FORCE_SSL=false allows plain HTTP"
)


def enforce(app: Flask) -> None:
    """Answer nothing but /up in clear."""
    app.before_request(_refuse_clear)
    app.after_request(_stay_secure)


def _refuse_clear() -> Any:
    if request.is_secure or request.path in PROBED:
        return None
    if request.method not in ("GET", "HEAD"):
        return {"error": HTTPS_ONLY}, 403
    if not request.host:
        return {"error": "The Host header is missing or no host's name"}, 400
    return {"error": HTTPS_ONLY}, 301, {"Location": _secure_url()}


def _secure_url() -> str:
    """Return the same address with https, without the port: a port in clear has no TLS.

    All is quoted anew from its bytes: nothing in it can end the line or lead elsewhere.
    """
    host = re.sub(r":\d+\Z", "", request.host)
    path = quote(request.environ["PATH_INFO"].encode("latin-1"), safe=PATH_CHARACTERS)
    query = quote(request.query_string, safe=f"{PATH_CHARACTERS}?%")
    return f"https://{host}{path}" + (f"?{query}" if query else "")


def _stay_secure(response: Response) -> Response:
    """Have browsers use https from now on."""
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
    return response

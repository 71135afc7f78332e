"""The bearer key, asked for before anything else of a request is looked at."""

from typing import Any

from flask import Flask, g, request
from flask_httpauth import HTTPTokenAuth

from supervisor.logs.context import is_stranger
from supervisor.settings.config import Config

PUBLIC = {
    ("openapi.show", "GET"),
    ("openapi.show", "HEAD"),
    ("up.show", "GET"),
    ("up.show", "HEAD"),
    ("webhook.receive", "POST"),
    ("webhook.receive_for_repository", "POST"),
}


def protect(app: Flask, config: Config) -> None:
    """Refuse every request without the key, also for paths that don't exist."""
    auth = HTTPTokenAuth(scheme="Bearer", realm="Supervisor")
    keys = [key for key in (config.api_key, config.former_api_key) if key]

    @auth.verify_token
    def verify(_token: str) -> str | None:
        # The library forgives blanks around the token; one key has one spelling here.
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        right = [known.matches(key.encode("latin-1", "replace")) for known in keys]
        return "operator" if any(right) and scheme.lower() == "bearer" else None

    @auth.error_handler
    def refuse(status: int) -> tuple[dict[str, Any], int]:
        return {"error": "Unauthorized"}, status

    @app.before_request
    def authenticate() -> Any:
        # Not `login_required`: it lets every OPTIONS request pass.
        g.has_key = bool(auth.authenticate(auth.get_auth(), None))
        is_stranger.set(is_stranger.get() and not g.has_key)
        public = (request.endpoint, request.method) in PUBLIC
        return None if g.has_key or public else auth.auth_error_callback(401)

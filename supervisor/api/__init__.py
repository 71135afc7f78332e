"""The REST API: a blueprint per resource, one place for the key, one for errors."""

from flask import Flask, Response

from supervisor.api import (
    access,
    auth,
    bodies,
    control,
    errors,
    https,
    log,
    openapi,
    plan,
    runs,
    stacks,
    strangers,
    up,
    webhook,
)
from supervisor.api.forwarded import Forwarded
from supervisor.api.throttle import Throttle
from supervisor.settings import parts
from supervisor.settings.config import Config
from supervisor.triggers.unproven import Unproven


def register(app: Flask, config: Config) -> None:
    """Mount every resource; the key is asked for before a body is read."""
    app.wsgi_app = Forwarded(app.wsgi_app, config.trusted_proxies)  # type: ignore[method-assign]
    parts.keep(app, Throttle(config.bad_signatures_per_minute), Unproven())
    access.identify(app)
    if config.force_ssl:
        https.enforce(app)
    auth.protect(app, config)
    strangers.bound(app)
    app.before_request(bodies.read_body)
    app.after_request(_without_type)
    errors.register(app)
    for module in (stacks, control, plan, log, runs, webhook, up, openapi):
        app.register_blueprint(module.blueprint)


def _without_type(response: Response) -> Response:
    """Name no content type where there is no content."""
    if response.status_code == 204:
        del response.headers["Content-Type"]
    return response

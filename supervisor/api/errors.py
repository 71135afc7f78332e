"""Every error as JSON, in one form: the table of domain errors to status codes."""

import logging
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, ServiceUnavailable

from supervisor import errors

log = logging.getLogger("supervisor.api.errors")

LATER = {"Retry-After": "5"}


class UnsignedTooLarge(RequestEntityTooLarge):
    """A body came without a signature, and is larger than what is read without one."""


class NoPlace(ServiceUnavailable):
    """Too many bodies of clients without a key are on their way."""


STATUS = {
    errors.StackNotFound: 404,
    errors.RunNotFound: 404,
    errors.WrongStrategy: 409,
    errors.SignatureInvalid: 400,
    errors.LimitReached: 409,
    errors.StackIsOwn: 409,
}
WORDS: dict[int | type[HTTPException], str] = {
    404: "Not found",
    405: "Method not allowed",
    408: "The body did not arrive in time",
    413: "The body is larger than 1 MiB",
    500: "Internal server error",
    NoPlace: "Too many requests without a key have not arrived yet: send this again",
    UnsignedTooLarge: "A body without a signature may have 128 KiB at most",
}
Answer = tuple[dict[str, Any], int] | tuple[dict[str, Any], int, dict[str, str]]


def register(app: Flask) -> None:
    """Attach the handlers."""
    app.register_error_handler(errors.StackInvalid, _invalid)
    app.register_error_handler(errors.SupervisorError, _domain)
    app.register_error_handler(errors.StorageBroken, _storage)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _invalid(error: errors.StackInvalid) -> Answer:
    return {"error": error.messages}, 422


def _domain(error: errors.SupervisorError) -> Answer:
    status = STATUS.get(type(error))
    return ({"error": str(error)}, status) if status else _unexpected(error)


def _storage(error: errors.StorageBroken) -> Answer:
    """Tell that nothing was accepted: the disk is full, or another program holds the database."""
    log.error("The database refused: %s", error.reason)
    if isinstance(error, errors.StorageFull):
        # Forges repeat a delivery after a 503 only.
        status = 503 if request.blueprint == "webhook" else 507
        return {"error": "The storage is full: free space, then send this again"}, status
    if isinstance(error, errors.StorageBusy):
        return {"error": "The database is busy: send this again"}, 503, LATER
    return {"error": "The database cannot be used, see Supervisor's log"}, 503


def _http(error: HTTPException) -> Answer:
    status = error.code or 500
    methods = getattr(error, "valid_methods", None)
    kept = {"Allow": ", ".join(methods)} if methods else {}
    kept |= LATER if isinstance(error, NoPlace) else {}
    words = WORDS.get(type(error)) or WORDS.get(status)
    return {"error": words or error.description or error.name}, status, kept


def _unexpected(error: Exception) -> Answer:
    log.error("A request broke", exc_info=error)
    return {"error": WORDS[500]}, 500

"""Clients without a key take their answer soon, or lose their connection to others."""

from flask import Flask, Response, g, request

from supervisor.network.waiting import waiting

SEND_SECONDS = 10


def bound(app: Flask) -> None:
    """Bound how long an answer without a key may take to be sent."""

    @app.after_request
    def answer_soon(response: Response) -> Response:
        connection = request.environ.get("gunicorn.socket")
        if connection is not None and not g.get("has_key"):
            connection.settimeout(SEND_SECONDS)
            waiting.add(connection, request.remote_addr or "")
        return response

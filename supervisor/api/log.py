"""/stacks/<uuid>/log: finished runs as a list, and everything as server-sent events."""

from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import gevent
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest, TooManyRequests

from supervisor.api import sse
from supervisor.api.body import Number, flag
from supervisor.runs import history
from supervisor.runs.followers import broker
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks import catalogue

P = ParamSpec("P")
T = TypeVar("T")

blueprint = Blueprint("log", __name__)

ENTRIES = Number("entries", 1, 1, 100)
FOLLOWED_ENTRIES = Number("entries", 0, 0, 100)
HEARTBEAT_SECONDS = 15
SEND_SECONDS = 60


@blueprint.get("/stacks/<uuid>/log")
def show(uuid: str) -> Any:
    """List the newest finished runs, or follow."""
    stack = catalogue.find(uuid)
    number = _last_event_id()
    if not flag("follow"):
        return history.entries(stack, ENTRIES.read())
    if broker.count >= part_of(Config).followers_limit:
        raise TooManyRequests("Too many followers (SUPERVISOR_FOLLOWERS_LIMIT)")
    start = history.starting_point(stack, FOLLOWED_ENTRIES.read())
    # An id of the future, as after a restored backup, must not silence the log until then.
    number = start if number is None else min(number, history.newest(stack))
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    # A client that takes nothing for this long is dropped; it goes on where it was.
    if "gunicorn.socket" in request.environ:
        request.environ["gunicorn.socket"].settimeout(SEND_SECONDS)
    events = follow(app, stack.id, number)
    return Response(events, mimetype=sse.CONTENT_TYPE, headers=sse.HEADERS)


def _last_event_id() -> int | None:
    text = request.headers.get("Last-Event-ID")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest("Last-Event-ID must be an id that this log gave")
    return int(text)


def follow(app: Flask, stack_id: int, number: int) -> Iterator[bytes]:
    """Yield what comes after that number: subscribe first, then replay, then follow."""
    with broker.follow(stack_id) as follower:
        if not _in_thread(app, catalogue.exists, stack_id):
            follower.closed = follower.closed or "deleted"  # before it was followed
        yield sse.OPENING
        while True:
            frames = follower.after(number)
            if frames is None:
                frames = _in_thread(app, history.frames_after, stack_id, number)
            if frames:
                yield sse.events(frames)
                number = frames[-1].id
            elif follower.closed:
                yield sse.closing(follower.closed)
                return
            elif not follower.wait(HEARTBEAT_SECONDS):
                yield sse.HEARTBEAT


def _in_thread(app: Flask, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Read from the database in a real thread, so that other greenlets go on."""

    def work() -> T:
        with app.app_context():
            return read(*args, **kwargs)

    found: T = gevent.get_hub().threadpool.apply(work)
    return found

"""How a request meets threads.

The greenlet does what waits on the network: it reads the body and sends the answer. The view
runs in a real thread, so that neither SQLite nor a lock ever stops the other greenlets.
"""

from collections.abc import Mapping
from contextvars import copy_context
from typing import Any, cast

import gevent
from flask import Flask, g, request
from gevent.threadpool import ThreadPool
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout

from supervisor.api.errors import UnsignedTooLarge
from supervisor.forges.signature import may_be_signed

BODY_BYTES = 1024 * 1024
UNSIGNED_BYTES = 128 * 1024  # no forge's test is nearly as large, and no secret proves the rest
BODY_SECONDS = 10
THREADS = 16  # for requests that read; as many for those that write and may wait for each other
READING = ("GET", "HEAD", "OPTIONS")


class ThreadedFlask(Flask):
    """A Flask whose views run in real threads."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False
        self.json.sort_keys = False  # type: ignore[attr-defined]
        self._pools: dict[bool, ThreadPool] = {}

    def dispatch_request(self) -> Any:
        """Run the view in a thread with this request's context, wait in the greenlet."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        writes = request.method not in READING
        if writes not in self._pools:
            self._pools[writes] = ThreadPool(THREADS)
        return self._pools[writes].apply(copy_context().run, (self._dispatch_here,))

    def _dispatch_here(self) -> Any:
        """Run the view; errors become answers here, or gevent would print them as its own.

        https://github.com/gevent/gevent/issues/617
        """
        try:
            return super().dispatch_request()
        except Exception as error:  # noqa: BLE001 (every error becomes an answer)
            return self.handle_user_exception(error)


def read_body() -> None:
    """Read the body before a view needs it, bounded in size and time, chunked ones too."""
    g.body = b""
    if request.routing_exception is not None or request.method not in ("POST", "PUT", "PATCH"):
        return
    may_be_large = g.has_key or may_be_signed(cast(Mapping[str, str], request.headers))
    most, too_large = (
        (BODY_BYTES, RequestEntityTooLarge) if may_be_large else (UNSIGNED_BYTES, UnsignedTooLarge)
    )
    if (request.content_length or 0) > most:
        raise too_large
    try:
        with gevent.Timeout(BODY_SECONDS, RequestTimeout):
            g.body = _read_at_most(most + 1)
    except (ParseException, OSError):
        raise BadRequest("The body is broken off or wrongly framed") from None
    if len(g.body) > most:
        raise too_large


def _read_at_most(count: int) -> bytes:
    parts = []
    while count > 0 and (part := request.stream.read(min(count, 65536))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

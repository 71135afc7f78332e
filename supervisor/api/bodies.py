"""Bodies: read in the greenlet before a view needs them, bounded in size, time and number."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import gevent
from flask import g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, RequestTimeout

from supervisor.api.errors import NoPlace, UnsignedTooLarge
from supervisor.forges.signature import may_be_signed
from supervisor.network.places import Places

BODY_BYTES = 1024 * 1024
UNSIGNED_BYTES = 128 * 1024  # no forge's test is nearly as large, and no secret proves the rest
BODY_SECONDS = 10
# Forges send a body at once. Where those who don't have taken the places, it still gets through.
QUICK_SECONDS = 0.25

TERMS: tuple[tuple[Places, float, type[HTTPException]], ...] = (
    (Places(in_all=128, each=64), BODY_SECONDS, RequestTimeout),
    (Places(in_all=256, each=256), QUICK_SECONDS, NoPlace),
)


def read_body() -> None:
    """Read the body, bounded in size and time, chunked ones too."""
    g.body = b""
    if request.routing_exception is not None or request.method not in ("POST", "PUT", "PATCH"):
        return
    if (request.content_length or 0) > BODY_BYTES:
        raise RequestEntityTooLarge
    most, too_large = _limit()
    if (request.content_length or 0) > most:
        raise too_large
    with _place() as (seconds, too_late):
        try:
            with gevent.Timeout(seconds, too_late):
                g.body = _read_at_most(most + 1)
        except (ParseException, OSError):
            raise BadRequest("The body is broken off or wrongly framed") from None
    if len(g.body) > most:
        raise too_large


def _limit() -> tuple[int, type[HTTPException]]:
    if g.has_key or may_be_signed(cast(Mapping[str, str], request.headers)):
        return BODY_BYTES, RequestEntityTooLarge
    return UNSIGNED_BYTES, UnsignedTooLarge


@contextmanager
def _place() -> Iterator[tuple[float, type[HTTPException]]]:
    """Give how long the body may take, and what it is called after that; raise NoPlace."""
    if g.has_key:
        yield BODY_SECONDS, RequestTimeout
        return
    address = request.remote_addr or ""
    for places, seconds, too_late in TERMS:
        if places.take(address):
            try:
                yield seconds, too_late
            finally:
                places.give_back(address)
            return
    raise NoPlace


def _read_at_most(count: int) -> bytes:
    parts = []
    while count > 0 and (part := request.stream.read(min(count, 65536))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)

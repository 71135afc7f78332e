"""A small client for server-sent events."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import requests

from tests.support.waiting import noted


@dataclass
class Event:
    """One event: its name, its id if it has one, its decoded data."""

    name: str
    data: Any
    id: str | None = None


class Follower:
    """An open stream of events. `comments` and `retry` hold what came beside them."""

    def __init__(self, response: requests.Response) -> None:
        """Follow a response that was asked for with stream=True."""
        self.response = response
        self.comments: list[str] = []
        self.retry: int | None = None
        self.last_id: str | None = None
        self._events = self._read()

    def __iter__(self) -> Iterator[Event]:
        """Give the events as they come, until the server ends the stream."""
        return self._events

    def __enter__(self) -> Self:
        """Close the connection at the end of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.response.close()

    def until(self, name: str) -> list[Event]:
        """Return the events up to the first of this name, and that one."""
        events = []
        for event in self._events:
            events.append(event)
            if event.name == name:
                return events
        raise AssertionError(f"the stream ended before an event {name!r}: {events[-5:]}")

    def _read(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        lines = self.response.iter_lines(chunk_size=None)
        while (line := self._next(lines)) is not None:
            name, _, value = line.decode().partition(":")
            if name:
                self._take(fields, name, value.removeprefix(" "))
            elif line:
                self.comments.append(value.strip())
            elif fields:
                yield self._event(fields)
                fields = {}

    def _next(self, lines: Iterator[bytes]) -> bytes | None:
        with noted(f"an event after {self.last_id} of {self.response.url}"):
            return next(lines, None)

    def _take(self, fields: dict[str, str], name: str, value: str) -> None:
        if name == "retry":
            self.retry = int(value)
        elif name == "data" and "data" in fields:
            fields["data"] += "\n" + value
        else:
            fields[name] = value

    def _event(self, fields: dict[str, str]) -> Event:
        self.last_id = fields.get("id", self.last_id)
        data = json.loads(fields["data"]) if "data" in fields else None
        return Event(fields.get("event", "message"), data, fields.get("id"))

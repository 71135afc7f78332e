"""A request's JSON and query, strictly."""

import json
from dataclasses import dataclass
from typing import Any

from flask import g, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType


def json_object(wrapper: str | None = None) -> dict[str, Any]:
    """Return the body's JSON object without its wrapper; raise BadRequest, UnsupportedMediaType."""
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send JSON in UTF-8, with Content-Type: application/json")
    value = parse(g.body)
    if wrapper and isinstance(value, dict) and set(value) == {wrapper}:
        value = value[wrapper]
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object")
    return value


def parse(body: bytes) -> Any:
    """Parse JSON; raise BadRequest also for what Python's parser lets pass."""
    try:
        # Decoded here: the parser would guess UTF-16 and let halves of characters pass.
        text = body.decode()
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error).split("\n")[0] if isinstance(error, ValueError) else "nested too deep"
        raise BadRequest(f"The body is not valid JSON: {reason[:200]}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(_constant: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


@dataclass(frozen=True)
class Number:
    """A query parameter that is a whole number."""

    name: str
    default: int
    least: int
    most: int

    def read(self) -> int:
        """Return what the request gives, or the default; raise BadRequest where out of range."""
        text = request.args.get(self.name)
        if text is None:
            return self.default
        plain = text.isascii() and text.isdigit() and len(text) <= 18
        if not plain or not self.least <= int(text) <= self.most:
            raise BadRequest(f"{self.name} must be a whole number from {self.least} to {self.most}")
        return int(text)


def flag(name: str) -> bool:
    """Return a query parameter as a truth value; raise BadRequest for anything else."""
    text = request.args.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise BadRequest(f"{name} must be true or false")
    return text in ("true", "1")

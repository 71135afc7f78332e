"""Reading a body that may hold anything."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

FORM = "application/x-www-form-urlencoded"
LONGEST = 500


def is_form(headers: Mapping[str, str]) -> bool:
    """Tell whether the body is a form; forges put the JSON into its field `payload`."""
    return headers.get("Content-Type", "").split(";")[0].strip().lower() == FORM


def form_payload(body: bytes) -> bytes | None:
    """Return the field `payload` of a form, None where there is none."""
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=False, max_num_fields=20)
    except (UnicodeDecodeError, ValueError):
        return None
    values = fields.get("payload")
    return values[0].encode("utf-8", "replace") if values else None


def parse_body(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, {} where it is none."""
    text = (form_payload(body) or b"") if is_form(headers) else body
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def at(value: Any, *path: str) -> Any:
    """Return what lies at a path, None where the body is shaped otherwise."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def text_of(value: Any, *path: str) -> str | None:
    """Return the short printable text at a path, None where there is none."""
    found = at(value, *path)
    if not isinstance(found, str) or not found or len(found) > LONGEST:
        return None
    return found if found.isprintable() else None


def items_of(value: Any, *path: str) -> list[Any]:
    """Return the list at a path, [] where there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def texts_of(value: Any, *paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts at these paths, those that are there."""
    return tuple(text for path in paths if (text := text_of(value, *path)))


def header_text(headers: Mapping[str, str], *names: str) -> str | None:
    """Return the first of these headers that is given, if it is short and printable."""
    for name in names:
        value = headers.get(name)
        if value and len(value) <= LONGEST and value.isprintable():
            return value
    return None

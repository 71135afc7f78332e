"""What an app was put together from: each part is kept once, and found by its class."""

from typing import TypeVar

from flask import Flask, current_app

T = TypeVar("T")

KEY = "supervisor"


def keep(app: Flask, *parts: object) -> None:
    """Keep parts of an app, each in the place of a former one of its class."""
    app.extensions.setdefault(KEY, {}).update({type(part): part for part in parts})


def find(kind: type[T], app: Flask | None = None) -> T | None:
    """Return a part of an app, by default of the running one; None where it has no such part."""
    found: T | None = (app or current_app).extensions.get(KEY, {}).get(kind)
    return found


def part_of(kind: type[T], app: Flask | None = None) -> T:
    """Return a part that every app has; raise LookupError where this one has not."""
    found = find(kind, app)
    if found is None:
        raise LookupError(f"The app has no {kind.__name__}")
    return found


def drop(app: Flask, kind: type[T]) -> T | None:
    """Forget a part; return it, None where the app has no such part."""
    found: T | None = app.extensions.get(KEY, {}).pop(kind, None)
    return found

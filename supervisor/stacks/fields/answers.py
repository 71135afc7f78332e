"""What answers are made of: schemas to dump and to describe them by, and kinds of values."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from supervisor.store.words import Action, Trigger

# A deploy that a commit asked for is named after what noticed the commit.
ACTIONS = [*Action, Trigger.WEBHOOK, Trigger.POLLING]


def time_text(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


class Answer(Schema):
    """What an answer looks like: it has all of these fields, and no others.

    `words` and `examples` are for its description, where it has its own name unless it is `inline`.
    """

    words: ClassVar[str] = ""
    examples: ClassVar[tuple[Any, ...]] = ()
    inline: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        found = self.fields.items()
        self._plan = [(name, field.attribute or name, _form(field)) for name, field in found]

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Let the description say that the field is always there."""
        field_obj.required = True

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return the values by name, of an object or a dictionary, as JSON takes them.

        marshmallow's own way takes ten times as long, which is felt with a page of runs. Only what
        JSON does not know is brought into another form here.
        """
        if self.many if many is None else many:
            return [self.dump(each, many=False) for each in obj]
        get = obj.__getitem__ if isinstance(obj, dict) else partial(getattr, obj)
        return {name: form(get(key)) if form else get(key) for name, key, form in self._plan}


class Time(fields.Field[datetime]):
    """A time in UTC."""

    def __init__(self, **options: Any) -> None:
        examples = ["2026-01-31T12:00:00.123Z"]
        described = {"type": "string", "format": "date-time", "examples": examples}
        super().__init__(metadata=described, **options)


class Commit(fields.String):
    """A full commit id."""

    def __init__(self, words: str = "", **options: Any) -> None:
        described = {"description": words} if words else {}
        super().__init__(metadata=described | {"pattern": "^[0-9a-f]{40}$"}, **options)


class Count(fields.Integer):
    """How many."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"minimum": 0}, **options)


class Word(fields.String):
    """One of a few words."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        super().__init__(validate=validate.OneOf([str(word) for word in words]), **options)


class ByService(fields.Dict):
    """A text for each of some services."""

    def __init__(self, example: str = "bind mount ./nginx.conf changed", **options: Any) -> None:
        super().__init__(
            values=fields.String(), metadata={"examples": [{"web": example}]}, **options
        )


def _form(field: fields.Field[Any]) -> Callable[[Any], Any] | None:
    """Return what brings a field's value into the form of JSON, where it is not in it already."""
    if isinstance(field, fields.Nested):
        dump: Callable[[Any], Any] = field.schema.dump
        return dump
    return time_text if isinstance(field, Time) else None

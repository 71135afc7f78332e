"""What answers are made of."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from marshmallow import fields

from supervisor.stacks.catalogue import OVERVIEW
from supervisor.stacks.fields.answers import Answer, Time
from supervisor.stacks.fields.shown import StackOverviewSchema
from supervisor.stacks.view import overview_values

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)


class InnerSchema(Answer):
    at = Time(allow_none=True)


class OuterSchema(Answer):
    name = fields.String()
    other = fields.Integer(attribute="another_name")
    one = fields.Nested(InnerSchema)
    many = fields.Nested(InnerSchema, many=True)


@dataclass
class Thing:
    name: str
    another_name: int
    one: Any
    many: list[Any]
    unknown: str = "is not shown"


INNER = [SimpleNamespace(at=NOON), {"at": None}]
THING = Thing("a", 1, INNER[0], INNER)


@pytest.mark.parametrize("source", [THING, vars(THING)], ids=["an object", "a dictionary"])
def test_an_answer_has_the_fields_of_its_schema_in_their_order(source: Any) -> None:
    at = {"at": "2026-01-31T12:00:00.123Z"}
    found = OuterSchema().dump(source)
    assert found == {"name": "a", "other": 1, "one": at, "many": [at, {"at": None}]}
    assert list(found) == list(OuterSchema().fields)


def test_many_are_a_list_of_them() -> None:
    assert InnerSchema().dump(INNER, many=True) == InnerSchema(many=True).dump(INNER)
    assert InnerSchema(many=True).dump([]) == []


def test_a_value_that_is_missing_is_a_mistake_of_ours_and_does_not_pass() -> None:
    with pytest.raises(KeyError):
        InnerSchema().dump({})
    with pytest.raises(AttributeError):
        InnerSchema().dump(SimpleNamespace())


def test_the_list_of_stacks_has_the_fields_of_its_schema_in_their_order() -> None:
    """It is made by hand, since there may be a thousand of them."""
    row = [None] * len(OVERVIEW.selected_columns)
    assert list(overview_values(row)) == list(StackOverviewSchema().fields)

"""/openapi.json: it describes every request, and what it describes is true."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask

from supervisor.api.openapi.document import VERSION, describe
from supervisor.api.runs import run_values
from supervisor.api.webhook import delivery_values
from supervisor.diagnostics.problems import CHECKS
from supervisor.runs.entries import entry_values
from supervisor.stacks.catalogue import OVERVIEW
from supervisor.stacks.fields.schema import StackSchema
from supervisor.stacks.view import overview_values, stack_values, stats_values
from supervisor.store import models, words
from tests.support import ROOT
from tests.support.api import Api
from tests.support.rows import stack_row

DESCRIPTION = describe()
SCHEMAS = DESCRIPTION["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture
def app(api: Api) -> Flask:
    return api.app


def test_anybody_may_read_it(app: Flask) -> None:
    answer = app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.get_json() == DESCRIPTION
    assert answer.get_json()["openapi"].startswith("3.1.")


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(DESCRIPTION).validate()


def test_it_has_the_version_of_the_release() -> None:
    assert f"\nversion = {VERSION}\n" in (ROOT / "setup.cfg").read_text()


def test_every_route_is_described_and_no_other(app: Flask) -> None:
    answered = {
        (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {
        (method, path)
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
        if method in METHODS
    }
    assert described == answered


def test_what_needs_no_key_is_said(app: Flask) -> None:
    client = app.test_client()
    for path, operations in DESCRIPTION["paths"].items():
        for method in operations.keys() & METHODS:
            answer = client.open(re.sub(r"{\w+}", "x", path), method=method)
            open_to_all = operations[method].get("security", [{"key": []}]) != [{"key": []}]
            assert open_to_all == (answer.status_code != 401), (method, path)
            assert open_to_all == ("401" not in operations[method]["responses"]), (method, path)


def test_the_fields_are_those_that_the_code_checks_and_shows(app: Flask) -> None:
    stack = stack_row(app)
    action, trigger = words.Action.DEPLOY, words.Trigger.API
    run = models.Run(stack_id=1, action=action, trigger=trigger, position=1)
    delivery = models.Delivery(
        stack_id=1, forge="github", event="push", result=words.DeliveryResult.ACCEPTED
    )
    with app.app_context():
        shown = stack_values(stack)
    assert_same("NewStack", StackSchema().fields)
    assert_same("StackChange", {*StackSchema().fields, *shown})
    assert_same("Stack", shown)
    assert_same("StackOverview", overview_values([None] * len(OVERVIEW.selected_columns)))
    assert_same("Figures", stats_values(stack))
    assert_same("Run", run_values(run))
    assert_same("Entry", entry_values(run))
    assert_same("Delivery", delivery_values(delivery))
    assert set(SCHEMAS["Well"]["properties"]["status"]["properties"]) == set(CHECKS)


def assert_same(schema: str, names: Any) -> None:
    assert set(SCHEMAS[schema]["properties"]) == set(names), schema


def test_the_rules_of_fields_are_those_of_the_code() -> None:
    fields = SCHEMAS["NewStack"]["properties"]
    assert fields["name"]["maxLength"] == 255
    assert fields["git_ssh_key"]["type"] == ["string", "null"]
    assert fields["polling_interval"]["maximum"] == 31_536_000
    assert fields["signature_secret_overlap"]["writeOnly"]
    assert SCHEMAS["StackChange"]["properties"]["healthy"]["readOnly"]
    assert set(SCHEMAS["NewStack"]["required"]) == {
        name for name, field in StackSchema().fields.items() if field.required
    }


def test_every_example_fits_its_schema() -> None:
    found = list(examples_of(DESCRIPTION))
    assert len(found) > 15
    for schema, example in found:
        whole = schema | {"components": DESCRIPTION["components"]}
        jsonschema_rs.validate(whole, example)


def examples_of(part: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Give each schema that has examples, with each of them."""
    if isinstance(part, dict):
        schema = part.get("schema", part)
        examples = part.get("examples", [])
        for example in examples if isinstance(examples, list) else examples.values():
            yield schema, example["value"] if isinstance(examples, dict) else example
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from examples_of(each)


@pytest.mark.parametrize("strategy", ["polling", "webhook"])
def test_what_a_strategy_needs_is_described(strategy: str) -> None:
    stack = SCHEMAS["NewStack"]["examples"][0] | {"strategy": strategy, "polling_interval": None}
    whole = SCHEMAS["NewStack"] | {"components": DESCRIPTION["components"]}
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(whole, stack)

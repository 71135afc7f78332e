"""docs/api.md names every request that the service answers, and every field of a stack."""

import hashlib
import hmac
import json
import re
from enum import StrEnum

import pytest
from flask import Flask

from supervisor import create_app
from supervisor.api.control import AT_ONCE, RUNS
from supervisor.api.errors import STATUS
from supervisor.api.runs import run_values
from supervisor.forges.signature import Request, is_valid
from supervisor.runs.entries import entry_values
from supervisor.security.secret import Secret
from supervisor.settings.config import Config
from supervisor.stacks.catalogue import OVERVIEW
from supervisor.stacks.fields.rules import RESERVED_VARIABLE
from supervisor.stacks.fields.schema import REDEPLOYING, StackSchema
from supervisor.stacks.view import overview_values, stack_values, stats_values
from supervisor.store import models, words
from tests.docs.pages import Block, blocks, codes, page, rows, section
from tests.support.rows import stack_row

PAGE = page("docs/api.md")
OVERVIEW_VALUES = overview_values([None] * len(OVERVIEW.selected_columns))
OWN = {"HEAD", "OPTIONS"}  # answered by Flask itself, for every path


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    storage = tmp_path_factory.mktemp("storage")
    return create_app(Config(Secret("k" * 16), Secret("s" * 32), storage))


@pytest.fixture
def stack(app: Flask) -> models.Stack:
    return stack_row(app)


def named(text: str) -> set[str]:
    """Return what the first column of the tables names."""
    return {code for row in rows(text) for code in codes(row[0])}


def test_every_request_has_a_heading_and_every_heading_is_a_request(app: Flask) -> None:
    headings = "\n".join(re.findall(r"^### (.*)$", PAGE, re.MULTILINE))
    documented = set(re.findall(r"`([A-Z]+ /[^`]*)`", headings))
    answered = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - OWN
    }
    assert documented == answered


def test_every_field_of_a_stack_is_named_and_no_other() -> None:
    fields = {row[0].strip("`"): row for row in rows(section(PAGE, "A stack's fields"))}
    schema = StackSchema().fields
    documented = {name for name, row in fields.items() if len(row) == 3 and name != "field"}
    assert documented == set(schema)
    for name, field in schema.items():
        assert (fields[name][1] == "yes") == field.required, name


def test_every_shown_field_is_named_and_no_other(app: Flask, stack: models.Stack) -> None:
    with app.app_context():
        shown = {*stack_values(stack), *OVERVIEW_VALUES} - set(StackSchema().fields)
    assert named(section(PAGE, "Fields that are only shown")) == shown


def test_the_list_of_stacks_shows_what_the_page_says() -> None:
    text = section(PAGE, "`GET /stacks`")
    assert [code for code in codes(text) if code in OVERVIEW_VALUES] == list(OVERVIEW_VALUES)


def test_every_figure_is_named_and_no_other(stack: models.Stack) -> None:
    assert named(section(PAGE, "`GET /stacks/<uuid>/stats`")) == set(stats_values(stack))


def test_the_fields_that_cause_a_redeploy_are_named() -> None:
    text = section(PAGE, "`PATCH /stacks/<uuid>` or `PUT /stacks/<uuid>`")
    queues = text[text.index("A change of") :].split("queues a redeploy")[0]
    assert set(codes(queues)) == REDEPLOYING


@pytest.fixture
def run() -> models.Run:
    action, trigger = words.Action.DEPLOY, words.Trigger.API
    return models.Run(stack_id=1, action=action, trigger=trigger, position=1)


def test_every_field_of_a_run_is_named_and_no_other(run: models.Run) -> None:
    text = section(PAGE, "`GET /stacks/<uuid>/runs/<run_uuid>`")
    assert named(text) == set(run_values(run))


def test_every_key_of_an_entry_is_named_and_no_other(run: models.Run) -> None:
    text = section(PAGE, "`GET /stacks/<uuid>/log`")
    assert named(text) == set(entry_values(run))
    (example,) = [b.text for b in blocks(PAGE) if b.language == "json" and b.text.startswith("[")]
    assert list(json.loads(example)[0]) == list(entry_values(run))


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (words.Status, "`GET /stacks/<uuid>/runs/<run_uuid>`"),
        (words.Trigger, "`GET /stacks/<uuid>/runs/<run_uuid>`"),
        (words.Action, "`GET /stacks/<uuid>/log`"),
        (words.Strategy, "A stack's fields"),
        (words.Intent, "Fields that are only shown"),
    ],
)
def test_every_word_for_a_state_is_named(words: type[StrEnum], title: str) -> None:
    assert {str(word) for word in words} <= set(codes(section(PAGE, title)))


def test_every_control_command_is_named_and_no_other() -> None:
    assert named(section(PAGE, "`POST /stacks/<uuid>/control`")) == {*RUNS, *AT_ONCE}


def test_every_status_of_an_error_is_named() -> None:
    documented = {row[0] for row in rows(section(PAGE, "Errors"))}
    assert {str(status) for status in STATUS.values()} <= documented


def test_the_reserved_variables_are_those_of_the_code() -> None:
    text = section(PAGE, "A stack's fields")
    listed = text[text.index("are reserved") : text.index("A `.env` file")]
    for name in codes(listed):
        assert RESERVED_VARIABLE.match(name), name
        assert RESERVED_VARIABLE.match(name.lower()), name
    alternatives = re.findall(r"[A-Z_]{2,}", RESERVED_VARIABLE.pattern.replace("_PROXY", ""))
    said = {code.removesuffix("_").removesuffix("_PROXY") for code in codes(listed)}
    assert {word.strip("_") for word in alternatives} == said


@pytest.mark.parametrize("block", [b for b in blocks(PAGE) if b.language == "json"])
def test_every_example_is_valid_json(block: Block) -> None:
    json.loads(block.text)


def test_the_example_of_a_stack_is_accepted() -> None:
    (example,) = [
        b.text for b in blocks(PAGE) if b.text.startswith("{\n") and "git_repository" in b.text
    ]
    assert StackSchema().load(json.loads(example))["polling_interval"] == 300


def test_the_signature_forms_of_the_page_are_accepted() -> None:
    for prefix, digest in (("sha256", hashlib.sha256), ("sha512", hashlib.sha512)):
        digits = hmac.new(b"secret-secret", b"body", digest).hexdigest()
        assert f"{prefix}=<{len(digits)} digits>" in PAGE
        for form in (digits, f"{prefix}={digits}"):
            assert is_valid(Request({"x": form}, b"body", 0), "x", ["secret-secret"])
        shouted = Request({"x": digits.upper()}, b"body", 0)
        assert not is_valid(shouted, "x", ["secret-secret"])


def test_every_part_of_the_health_is_named(app: Flask) -> None:
    answer = app.test_client().get("/up").json
    assert answer is not None
    parts = set(answer.get("status", {})) | {each["name"] for each in answer.get("errors", [])}
    assert parts <= named(section(PAGE, "`GET /up`"))

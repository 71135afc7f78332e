"""A request's JSON and query are read strictly."""

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.support.api import Api, Rows, stack_fields


@pytest.fixture(scope="module")
def stack(api: Api) -> dict[str, Any]:
    return api.create(name="The stack that is there")


# V3, V5, V23: bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b"true",
        b"{",
        b"{}x",
        b"{'name': 'a'}",
        b'{"name": "a",}',
        b'{"stack": []}',
        b'{"stack": null}',
        b'{"stack": "x"}',
        b"\xef\xbb\xbf{}",
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "a\nb"}',
        '{"name": "a"}'.encode("utf-16"),
        '{"name": "a"}'.encode("utf-16-le"),
        '{"name": "a"}'.encode("utf-32"),
        b'{"name": "a", "name": "b"}',
        b'{"stack": {"name": "a", "name": "b"}}',
        b'{"compose_variables": {"A": "1", "A": "2"}}',
        b'{"polling_interval": NaN}',
        b'{"polling_interval": Infinity}',
        b'{"polling_interval": -Infinity}',
        b'{"polling_interval": ' + b"9" * 5000 + b"}",
        b'{"a":' * 50_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"[" * 500_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_json_object_is_400_everywhere(
    api: Api, stack: dict[str, Any], rows: Rows, body: bytes
) -> None:
    path = f"/stacks/{stack['uuid']}"
    for method, where in (
        ("POST", "/stacks"),
        ("PATCH", path),
        ("PUT", path),
        ("POST", f"{path}/control"),
    ):
        answer = api.client.open(where, method=method, data=body, content_type="application/json")
        assert answer.status_code == 400, answer.text
        assert list(answer.get_json()) == ["error"]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json-patch+json",
    ],
)
def test_another_content_type_is_415(
    api: Api, stack: dict[str, Any], rows: Rows, content_type: str | None
) -> None:
    body = json.dumps(stack_fields(name="x"))
    for method, path in (
        ("POST", ""),
        ("PUT", f"/{stack['uuid']}"),
        ("PATCH", f"/{stack['uuid']}"),
    ):
        answer = api.client.open(
            f"/stacks{path}", method=method, data=body, content_type=content_type
        )
        assert answer.status_code == 415
        assert list(answer.get_json()) == ["error"]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", "Application/JSON", "application/json; a=b"]
)
def test_json_in_utf8_is_taken_however_it_is_written(api: Api, content_type: str) -> None:
    body = json.dumps(stack_fields(name=f"Žlutý kůň {uuid4()}"), ensure_ascii=False)
    answer = api.client.post("/stacks", data=body.encode(), content_type=content_type)
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "value", ["0", "-1", "101", "1e9", "abc", "", " ", "1.5", "+1", "\u0661", "9" * 99]
)
@pytest.mark.parametrize("query", ["log?entries={}", "log?follow=true&entries={}", "runs?count={}"])
def test_a_number_in_a_query_is_in_its_range_or_400(
    api: Api, stack: dict[str, Any], rows: Rows, query: str, value: str
) -> None:
    if "follow" in query and value == "0":
        return  # a follower may ask for none
    answer = api.client.get(f"/stacks/{stack['uuid']}/{query.format(quote(value))}")
    assert answer.status_code == 400
    assert "must be a whole number from" in answer.get_json()["error"]


@pytest.mark.parametrize("value", ["maybe", "", "2", "yes", "tru"])
def test_a_truth_value_in_a_query_is_one_or_400(
    api: Api, stack: dict[str, Any], rows: Rows, value: str
) -> None:
    path = f"/stacks/{stack['uuid']}"
    for answer in (
        api.client.get(f"{path}/log?follow={value}"),
        api.client.delete(f"{path}?volumes={value}"),
    ):
        assert answer.status_code == 400
        assert "must be true or false" in answer.get_json()["error"]

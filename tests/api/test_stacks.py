"""Which stack a request means, how many there may be, and what a half valid change does."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.support.api import Api, Rows, stack_fields


@pytest.fixture(scope="module")
def stack(api: Api) -> dict[str, Any]:
    return api.create(name="The stack that is there")


def create(api: Api, **fields: Any) -> Any:
    return api.client.post("/stacks", json=stack_fields(name=f"stack {uuid4()}") | fields)


# V19, V20: addresses and queries


@pytest.mark.parametrize(
    "identifier",
    ["' OR 1=1--", "\0", "../..", "x" * 10_000, "*", "%", "_", "\ud800", "1", "null", "🛒"],
    ids=ascii,
)
def test_an_odd_id_is_not_found(api: Api, rows: Rows, identifier: str) -> None:
    coded = quote(identifier.encode(errors="surrogatepass"), safe="")
    for method, path in (
        ("GET", f"/stacks/{coded}"),
        ("DELETE", f"/stacks/{coded}"),
        ("GET", f"/stacks/{coded}/log"),
        ("POST", f"/stacks/{coded}/webhook"),
    ):
        answer = api.client.open(path, method=method)
        assert answer.status_code in (404, 405), path[:60]
        assert list(answer.get_json()) == ["error"]


def test_an_odd_id_of_a_run_is_not_found(api: Api, stack: dict[str, Any], rows: Rows) -> None:
    for identifier in ("x", "'", "%00", "x" * 5000):
        answer = api.client.get(f"/stacks/{stack['uuid']}/runs/{identifier}")
        assert (answer.status_code, answer.get_json()) == (404, {"error": "Run not found"})


# V21, V22: changes and commands


@pytest.mark.parametrize(
    "change",
    [
        {"name": "ok", "polling_interval": 0},
        {"compose_file": "ok.yml", "git_reference": "-x"},
        {"git_token": "new", "unknown": 1},
        {"compose_variables": {"A": "ok", "PATH": "x"}},
        {"strategy": "webhook", "signature_secret": None},
        {"compose_file": "more.yml"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_half_valid_change_changes_nothing(
    api: Api, stack: dict[str, Any], rows: Rows, method: str, change: dict[str, Any]
) -> None:
    answer = api.client.open(f"/stacks/{stack['uuid']}", method=method, json=change)
    assert answer.status_code == 422


# V25: how many


def test_stacks_beyond_the_limit_are_refused_until_one_goes(make_api: Callable[..., Api]) -> None:
    api = make_api(stacks_limit=3)
    for number in range(3):
        api.create(name=f"stack {number}")
    before = api.rows()
    answer = create(api)
    assert answer.status_code == 409
    assert "SUPERVISOR_STACKS_LIMIT" in answer.get_json()["error"]
    assert api.rows() == before

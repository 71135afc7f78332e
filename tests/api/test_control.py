"""What is no command is refused."""

from typing import Any

import pytest

from tests.support.api import Api, Rows


@pytest.fixture(scope="module")
def stack(api: Api) -> dict[str, Any]:
    return api.create(name="The stack that is there")


@pytest.mark.parametrize(
    "word",
    ["down", "START", " start", "start; id", "--help", "deploy", "", None, 1, ["start"], {}],
    ids=str,
)
def test_another_command_is_refused(api: Api, stack: dict[str, Any], rows: Rows, word: Any) -> None:
    answer = api.client.post(f"/stacks/{stack['uuid']}/control", json={"command": word})
    assert answer.status_code == 400
    assert answer.get_json() == {"error": "Invalid control command"}

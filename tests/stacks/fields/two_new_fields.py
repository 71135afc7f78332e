"""What is true in a copy that has two more fields: test_fields_in_one_place runs this there."""

import sys
from pathlib import Path
from typing import Any

from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.stacks import catalogue, vault
from supervisor.stacks.fields.schema import REDEPLOYING, SECRET_FIELDS
from supervisor.stacks.snapshot import snapshot_of
from tests.support.api import Api, application, close

MASK = "********"
PASSWORD = "the password"


def check(api: Api) -> None:
    plain = api.create(name="plain")
    assert (plain["quiet"], plain["registry_password"]) == (False, None)
    shown = api.create(name="both", quiet=True, registry_password=PASSWORD)
    assert (shown["quiet"], shown["registry_password"]) == (True, MASK)
    assert_carried(api, shown["uuid"], True, PASSWORD)
    check_that_it_is_refused(api)
    check_changes(api, shown)
    check_description(api.client.get("/openapi.json").get_json()["components"]["schemas"])


def check_that_it_is_refused(api: Api) -> None:
    given: dict[str, Any] = {"name": "x", "quiet": 1, "registry_password": "\0"}
    errors = api.client.post("/stacks", json=given).get_json()["error"]
    assert errors["quiet"] == ["must be true or false"]
    assert errors["registry_password"] == ["contains control characters"]
    errors = api.client.post("/stacks", json={"registry_password": MASK}).get_json()["error"]
    assert errors == {"registry_password": ["is masked, but there is no former value"]}


def check_changes(api: Api, shown: dict[str, Any]) -> None:
    path = f"/stacks/{shown['uuid']}"
    # What a GET shows can be sent back: the mask keeps the secret, and nothing is deployed.
    answer = api.client.put(path, json=shown)
    assert (answer.status_code, answer.headers.get("Location")) == (200, None)
    assert_carried(api, shown["uuid"], True, PASSWORD)
    answer = api.client.patch(path, json={"registry_password": "another"})
    assert (answer.status_code, answer.headers.get("Location")) == (200, None)
    answer = api.client.patch(path, json={"quiet": False})
    assert answer.headers["Location"].startswith(f"{path}/runs/")
    assert_carried(api, shown["uuid"], False, "another")


def assert_carried(api: Api, uuid: str, quiet: bool, password: str) -> None:
    """Look at what a run would work from, and what is stored where."""
    with api.app.app_context():
        stack = catalogue.find(uuid)
        snapshot = snapshot_of(stack, part_of(Config))
        assert stack.quiet is quiet
        assert vault.secrets_of(stack)["registry_password"] == password
    assert (snapshot.spec.quiet, snapshot.spec.registry_password) == (quiet, password)
    assert password in snapshot.secret_values
    assert "registry_password" in SECRET_FIELDS
    assert "quiet" in REDEPLOYING and "registry_password" not in REDEPLOYING


def check_description(schemas: dict[str, Any]) -> None:
    quiet = {
        "type": "boolean",
        "default": False,
        "description": "Whether its runs are told to nobody.",
    }
    for name in ("NewStack", "StackChange", "Stack"):
        fields = schemas[name]["properties"]
        assert fields["quiet"] == quiet
        words = fields["registry_password"]["description"]
        assert words.startswith(f"It is shown as `{MASK}`") and words.endswith("for the registry.")
        assert fields["registry_password"]["examples"] == ["long and random"]
    assert {"quiet", "registry_password"} <= set(schemas["Stack"]["required"])


if __name__ == "__main__":
    api = application(Path(sys.argv[1]))
    check(api)
    close(api)

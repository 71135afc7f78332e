"""Whatever a field is given is refused, or comes back exactly."""

import posixpath
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from supervisor.stacks import catalogue, vault
from supervisor.stacks.secret_names import is_secret
from tests.support.api import Api, application, close
from tests.support.texts import NAMES, PATHS, TEXTS

MASK = "********"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = application(tmp_path_factory.mktemp("properties") / "storage", stacks_limit=1_000_000)
    yield api
    close(api)


@pytest.fixture(scope="module")
def uuid(api: Api) -> str:
    """One stack that every example changes, which is quicker than a new one for each."""
    return str(api.create(compose_includes=[])["uuid"])


def change(api: Api, uuid: str, **fields: Any) -> dict[str, Any] | None:
    """Change the stack; return what a GET shows then, or None where it was refused."""
    answer = api.client.patch(f"/stacks/{uuid}", json=fields)
    if answer.status_code == 422:
        assert list(answer.get_json()["error"]) == list(fields)
        return None
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = api.client.get(f"/stacks/{uuid}").get_json()
    return shown


# Names


@given(TEXTS)
def test_a_name_is_refused_or_comes_back_exactly(api: Api, uuid: str, name: str) -> None:
    before = api.client.get(f"/stacks/{uuid}").get_json()
    shown = change(api, uuid, name=name)
    if shown:
        assert shown["name"] == name
        assert not re.search("[\0-\x1f\x7f-\x9f\ud800-\udfff]", name)
        assert name.strip()
        assert shown["project"] == before["project"]
    else:
        assert api.client.get(f"/stacks/{uuid}").get_json() == before


# References


@given(TEXTS)
@example("/a")
@example("@")
@example("a.lock/b")
@example("a\x7f")
def test_a_reference_that_is_taken_is_one_that_git_takes(
    api: Api, uuid: str, reference: str
) -> None:
    shown = change(api, uuid, git_reference=reference)
    if shown:
        assert shown["git_reference"] == reference
        assert not reference.startswith("-")
        full = reference if reference.startswith("refs/") else f"refs/heads/{reference}"
        checked = subprocess.run(["git", "check-ref-format", full], check=False, timeout=10)
        assert checked.returncode == 0


# Paths


@given(PATHS)
@example("./~")
def test_a_path_is_refused_or_comes_back_in_its_plain_form(api: Api, uuid: str, path: str) -> None:
    shown = change(api, uuid, compose_file=path)
    if shown:
        kept = shown["compose_file"]
        assert kept == posixpath.normpath(path)
        assert not kept.startswith(("/", "-", "~"))
        assert {"..", ".", ""}.isdisjoint(kept.split("/"))
        assert kept.split("/")[0].lower() != ".git"
        # It is a fixed point: sent back, it is the same path.
        assert change(api, uuid, compose_file=kept) is not None
        assert api.client.get(f"/stacks/{uuid}").get_json()["compose_file"] == kept


# Variables


@settings(max_examples=50)  # four requests each
@given(st.dictionaries(NAMES, TEXTS, max_size=4))
def test_variables_are_refused_or_come_back_exactly_or_masked(
    api: Api, uuid: str, variables: dict[str, str]
) -> None:
    former = stored(api, uuid)
    shown = change(api, uuid, compose_variables=variables)
    if shown is None:
        assert stored(api, uuid) == former
        return
    assert stored(api, uuid) == variables
    assert shown["compose_variables"] == {
        name: MASK if is_secret(name, value) else value for name, value in variables.items()
    }
    # What a GET shows can be sent back: the masks stand for what was there.
    again = change(api, uuid, compose_variables=shown["compose_variables"])
    assert again
    assert stored(api, uuid) == variables


def stored(api: Api, uuid: str) -> dict[str, str]:
    with api.app.app_context():
        return vault.secrets_of(catalogue.find(uuid)).compose_variables

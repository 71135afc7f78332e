"""Rules that hold for every name, path, reference and variable that anybody may think of."""

import posixpath
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.process.shell import Shell
from supervisor.deploy.model.containment import file_within
from supervisor.errors import DeployRefused
from supervisor.stacks import catalogue, vault
from supervisor.stacks.secret_names import is_secret
from tests.api.conftest import Api, application, close, stack_fields

MASK = "********"

# Half of the texts are made of what has a meaning somewhere, half of anything.
MEANING = [*"'\"\\$#=%`!*?~^:@-+/. \t\r\n\0", "${A}", "$$", "$(id)", "..", ".git", ".lock", "@{"]
MEANING += ["é", "e\u0301", "😀", "\u202e", "\ud800", "\x1b", "\x85", "{{", "refs/heads/", "a", "B"]
ANYTHING = st.characters(exclude_categories=[])
TEXTS = st.one_of(
    st.lists(st.sampled_from(MEANING), max_size=10).map("".join), st.text(ANYTHING, max_size=20)
)
PIECES = [
    "a",
    "b.yml",
    ".",
    "..",
    "",
    ".git",
    ".GIT",
    "-f",
    "~",
    " ",
    "é",
    "in",
    "out",
    "up",
    "loop",
]
PATHS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map("/".join), TEXTS)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)


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


@given(st.text(max_size=300).filter(str.strip))
def test_the_project_made_of_a_name_is_one_that_compose_takes(name: str) -> None:
    first, second = (catalogue.project_name(name, str(uuid4())) for _ in range(2))
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", first)
    assert first != second


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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout full of links: to itself, upwards, outside, and within."""
    root = tmp_path_factory.mktemp("tree") / "checkout"
    (root / "a" / "in").mkdir(parents=True)
    for folder in (root, root / "a", root / "a" / "in"):
        (folder / "b.yml").write_text("inside")
        (folder / "out").symlink_to("/etc")
        (folder / "up").symlink_to("..")
        (folder / "loop").symlink_to("loop")
        (folder / "é").symlink_to("b.yml")
    (root / "in").symlink_to("a/in")
    (root.parent / "b.yml").write_text("outside")
    return root


@given(PATHS)
@example("up/b.yml")
@example("a/up/b.yml")
@example("in/b.yml")
@example("out/passwd")
@example("loop")
@example("x" * 300)
@example("b.yml/x")
@example("a\0")
def test_a_file_is_refused_or_lies_inside_of_the_checkout(checkout: Path, path: str) -> None:
    try:
        found = file_within(checkout, path)
    except DeployRefused as refused:
        assert "outside" not in str(refused).removeprefix(path).split("(")[0]
    else:
        assert found.resolve().is_relative_to(checkout)
        assert found.read_text() == "inside"


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


CARRIED = TEXTS.filter(lambda text: text != MASK and not re.search("[\0\ud800-\udfff]", text))


# A batch is one call of Compose. Smaller examples of a failure would cost a call each.
@settings(
    max_examples=8,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(CARRIED, min_size=40, max_size=40), st.lists(NAMES, min_size=40, max_size=40))
def test_variables_reach_compose_exactly_and_win_over_the_repositorys_own(
    api: Api, tmp_path: Path, values: list[str], names: list[str]
) -> None:
    """From the API through storage to the model that Compose makes."""
    own = {f"V{n}_{name}": value for n, (name, value) in enumerate(zip(names, values, strict=True))}
    created = api.create(name=f"stack {uuid4()}", compose_variables=own)
    lines = "".join(f"      {name}: ${{{name}}}\n" for name in [*own, "BENEATH"])
    file = tmp_path / "compose.yml"
    file.write_text(f"services:\n  a:\n    image: x\n    environment:\n{lines}")
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}=beneath\n" for name in [*own, "BENEATH"]))

    project = Project("properties", tmp_path, (file,), stored(api, created["uuid"]), dotenv)
    model = Compose(Shell(), project).config(30)
    found = model["services"]["a"]["environment"]
    # `config` doubles each dollar, so that Compose could read its output again.
    arrived = {name: (value or "").replace("$$", "$") for name, value in found.items()}
    assert arrived == own | {"BENEATH": "beneath"}


def test_the_same_secret_is_never_shown(api: Api) -> None:
    """Whatever else a stack has, its secrets are in no answer about it."""
    secrets = {"git_token": "canary-1", "signature_secret": "canary-22"}
    variables = {"DB_PASSWORD": "canary-3", "URL": "https://ada:canary-4@db/x", "PLAIN": "x"}
    fields = stack_fields(name=f"stack {uuid4()}", compose_variables=variables) | secrets
    created = api.client.post("/stacks", json=fields)
    path = f"/stacks/{created.get_json()['uuid']}"
    answers = [created, api.client.patch(path, json={"name": f"stack {uuid4()}"})]
    answers += [api.client.get(where) for where in ("/stacks", path, f"{path}/runs")]
    answers += [api.client.get(f"{path}/{part}") for part in ("stats", "log?entries=9")]
    answers.append(api.client.patch(path, json={"compose_variables": {"PATH": "canary-5"}}))
    assert not [answer.text for answer in answers if "canary" in answer.text]

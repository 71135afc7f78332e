"""Variables reach Compose exactly, from the API on."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.stacks import catalogue, vault
from tests.support.api import Api, application, close

MASK = "********"

# Half of the texts are made of what has a meaning somewhere, half of anything.
MEANING = [*"'\"\\$#=%`!*?~^:@-+/. \t\r\n\0", "${A}", "$$", "$(id)", "..", ".git", ".lock", "@{"]
MEANING += ["é", "e\u0301", "😀", "\u202e", "\ud800", "\x1b", "\x85", "{{", "refs/heads/", "a", "B"]
ANYTHING = st.characters(exclude_categories=[])
TEXTS = st.one_of(
    st.lists(st.sampled_from(MEANING), max_size=10).map("".join), st.text(ANYTHING, max_size=20)
)
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
    model = Compose(Engine(Shell()), project).config(30)
    found = model["services"]["a"]["environment"]
    # `config` doubles each dollar, so that Compose could read its output again.
    arrived = {name: (value or "").replace("$$", "$") for name, value in found.items()}
    assert arrived == own | {"BENEATH": "beneath"}

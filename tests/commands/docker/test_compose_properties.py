"""Variables reach Compose exactly, from the API on."""

import re
from pathlib import Path
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.stacks import catalogue, vault
from tests.support.api import Api
from tests.support.texts import NAMES, TEXTS

MASK = "********"


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

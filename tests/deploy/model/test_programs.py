"""What would have Compose run a program is refused, whatever program."""

import json
from pathlib import Path

import pytest

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.deploy.model.programs import check_programs
from supervisor.errors import DeployRefused

WEB = {"image": "x"}


@pytest.mark.parametrize(
    ("services", "rest", "key"),
    [
        ({"web": {"provider": {"type": "./evil"}}}, {}, "services.web.provider"),
        ({"web": {"provider": {"type": "sh"}}}, {}, "services.web.provider"),
        (
            {"web": WEB | {"models": ["m"]}},
            {"models": {"m": {"model": "ai/x"}}},
            "services.web.models",
        ),
        (
            {
                "web": WEB | {"x-a": 1},
                "b": {"extends": {"service": "a"}},
                "a": {"provider": {"type": "sh"}},
            },
            {},
            "services.b.provider",
        ),
    ],
)
def test_a_model_with_a_program_is_refused(
    tmp_path: Path, services: dict[str, object], rest: dict[str, object], key: str
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(json.dumps({"services": services, **rest}))
    model = Compose(Engine(Shell()), Project("programs", tmp_path, (file,))).config(30)
    with pytest.raises(DeployRefused, match=key):
        check_programs(model)


def test_a_model_of_its_own_is_refused() -> None:
    with pytest.raises(DeployRefused, match="models"):
        check_programs({"services": {"web": WEB}, "models": {"m": {"model": "ai/x"}}})


def test_all_else_is_taken() -> None:
    check_programs({"services": {"web": WEB | {"provider": None, "models": {}}}})
    check_programs({})

"""Values reach Compose byte for byte, by way of memory only."""

import os
import stat
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.env_file import env_file, quote, render
from supervisor.commands.process.shell import Shell

NASTY = ["'", '"', "\\", "$", "${A}", "$$", "#", " # x", "\n", "\r", "\t", "=", "%", "é", "😀",
         "$(id)", "`id`", "\\n", "{{", "", " ", "\\'", '\\"', "\x7f", "\x1b", "!"]  # fmt: skip
VALUES = st.one_of(
    st.lists(st.sampled_from(NASTY), max_size=8).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
)


def rendered(folder: Path, values: list[str]) -> dict[str, str | None]:
    """Return the variables as a container would get them."""
    names = [f"V{number}" for number in range(len(values))]
    lines = "".join(f"      {name}: ${{{name}}}\n" for name in names)
    file = folder / "compose.yml"
    file.write_text(f"services:\n  a:\n    image: x\n    environment:\n{lines}")
    variables = dict(zip(names, values, strict=True))
    model = Compose(Engine(Shell()), Project("sv-env", folder, (file,), variables)).config(30)
    environment: dict[str, str | None] = model["services"]["a"]["environment"]
    # `config` doubles each dollar, so that its output can be read by Compose again.
    return {name: value and value.replace("$$", "$") for name, value in environment.items()}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(VALUES, min_size=30, max_size=30))
def test_values_arrive_byte_for_byte(tmp_path: Path, values: list[str]) -> None:
    got = rendered(tmp_path, values)
    assert [got[f"V{number}"] or "" for number in range(len(values))] == values


def test_quotes_are_as_plain_as_they_can_be() -> None:
    assert quote("a $B #c") == "'a $B #c'"
    assert quote("it's\n$5") == '"it\'s\\n\\$5"'
    assert render({"A": "1", "B": ""}) == b"A='1'\nB=''\n"


def test_the_file_is_in_memory_and_gone_afterwards() -> None:
    with env_file({"A": "canary"}) as path:
        assert Path(path).read_bytes() == Path(path).read_bytes() == b"A='canary'\n"
        assert stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
        assert os.readlink(path).startswith("/memfd:")  # noqa: PTH115
    assert not Path(path).exists()

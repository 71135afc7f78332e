"""The token goes to its own host alone."""

import subprocess

import pytest

from supervisor.commands.git.environment import git_environment
from supervisor.commands.git.remote import Remote

TOKEN = "tok-CANARY-2"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://h:81/other.git", True),
        ("https://u@h:81/r.git", True),
        ("https://h/r.git", False),
        ("http://h:81/r.git", False),
        ("https://h:81.evil/r.git", False),
        ("https://evil/@h:81", False),
        ("https://h:81@evil/r.git", False),
    ],
)
def test_the_token_is_told_to_its_own_host_alone(address: str, told: bool) -> None:
    with git_environment(Remote("https://h:81/r.git", "u", TOKEN)) as environment:
        done = subprocess.run(
            ["git", "credential", "fill"],
            input=f"url={address}\n\n",
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert (TOKEN in done.stdout) == told

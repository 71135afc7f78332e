"""The commands are those of the API, and cost the service nothing."""

import re
import subprocess
import sys

from supervisor.api.control import AT_ONCE, RUNS
from supervisor.cli.stacks import COMMANDS, stacks


def test_the_commands_are_those_of_the_api() -> None:
    assert set(COMMANDS) == {*RUNS, *AT_ONCE}
    said = stacks.commands["control"].help
    assert said
    assert all(re.search(rf"\b{command}\b", said) for command in COMMANDS)


def test_the_service_does_not_load_what_only_the_command_needs() -> None:
    code = (
        "import sys, supervisor.application, supervisor.service, supervisor.worker;"
        "print({'requests', 'urllib3', 'rich', 'supervisor.cli'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

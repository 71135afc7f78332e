"""The `supervisor` command, as a user calls it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.service import Service

COMMAND = Path(sys.executable).with_name("supervisor")


def supervisor(
    service: Service, *arguments: str | Path, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """Call the command with the service's own environment; `env` adds to it."""
    environment = service.environment | {"SUPERVISOR_URL": service.url} | options.pop("env", {})
    settings: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60}
    if "input" not in options:
        settings["stdin"] = subprocess.DEVNULL
    return subprocess.run([COMMAND, *arguments], env=environment, check=False, **settings | options)


def succeeds(service: Service, *arguments: str | Path, **options: Any) -> Any:
    """Call the command; return what it printed."""
    done = supervisor(service, *arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuses(service: Service, *arguments: str | Path, status: int = 1, **options: Any) -> str:
    """Call the command, which has to end so; return what it said."""
    done = supervisor(service, *arguments, **options)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return str(done.stderr)

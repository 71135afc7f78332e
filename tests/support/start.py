"""A start of the service that is expected to be refused."""

import os
import subprocess
import sys
from pathlib import Path

from supervisor.settings.config import Config
from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.service import API_KEY, SECRET_KEY_BASE

KEYS = {"SUPERVISOR_API_KEY": API_KEY, "SUPERVISOR_SECRET_KEY_BASE": SECRET_KEY_BASE}
BAD_SETTINGS, STORAGE_IN_USE, REFUSED = 2, 3, 4


def configure(storage: Path, **settings: str) -> Config:
    """Read settings as a start does."""
    return Config.from_environment({"SUPERVISOR_STORAGE": str(storage)} | settings)


def attempt(storage: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start the service as `make run` does, where it is expected to refuse."""
    environment = {
        "PATH": os.environ["PATH"],
        "SUPERVISOR_STORAGE": str(storage),
        "SUPERVISOR_BIND": f"127.0.0.1:{free_port()}",
    } | settings
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "app:app"],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

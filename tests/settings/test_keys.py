"""The keys that the first start keeps are for nobody else to read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.errors import ConfigInvalid
from supervisor.settings.config import Config
from tests.support import ROOT
from tests.support.ports import free_port

BAD_SETTINGS, STORAGE_IN_USE, REFUSED = 2, 3, 4


def configure(storage: Path, **settings: str) -> Config:
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
        timeout=30,
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_kept_keys_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    configure(tmp_path)
    (tmp_path / "keys").chmod(mode)
    before = (tmp_path / "keys").read_bytes()
    with pytest.raises(ConfigInvalid, match="can be read by others"):
        configure(tmp_path)
    assert (tmp_path / "keys").read_bytes() == before


def test_the_start_ends_with_2_where_others_can_read_the_keys(tmp_path: Path) -> None:
    configure(tmp_path)
    (tmp_path / "keys").chmod(0o644)
    done = attempt(tmp_path)
    assert done.returncode == BAD_SETTINGS
    assert "chmod 600" in done.stderr
    assert not [key for key in (tmp_path / "keys").read_text().split("=") if key in done.stderr]

"""Debian packages that tests need; who may not install them is told what is missing."""

import os
import shutil
import subprocess

from tests.support import ROOT

PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"  # servers are in the last two
SECONDS = 120


def have(program: str, package: str = "") -> str:
    """Return a program's path; its package is installed if it is not there."""
    if not (found := shutil.which(program, path=PLACES)):
        command = [ROOT / "scripts/install.sh", package or program]
        subprocess.run(command, check=True, timeout=SECONDS)
        found = shutil.which(program, path=PLACES)
    assert found, f"{package or program} has no {program}"
    return found

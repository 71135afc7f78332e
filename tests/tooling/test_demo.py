"""The demo tells a true story, and leaves nothing."""

import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support import ROOT
from tests.support.engine import Engine, docker
from tests.support.service import is_alive

DEMO = str(ROOT / "scripts/demo.sh")


def run_demo(folder: Path, *arguments: str, keep: str = "") -> str:
    """Run the demo with its own folder below this one; return what it told."""
    done = subprocess.run(
        [DEMO, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(folder), "KEEP": keep},
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def containers_and_image(told: str) -> str:
    """Return the ids of what the demo has on the engine."""
    (image,) = set(re.findall(r"supervisor-demo/base:\d+", told))
    containers = docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}", check=False)
    return containers + docker("image", "ls", "--quiet", image)


def test_the_demo_cleans_up_after_itself(engine: Engine, tmp_path: Path) -> None:
    told = run_demo(tmp_path)
    assert "Done: nothing is left of it." in told
    assert "\x1b" not in told  # nobody looks
    assert re.search(
        r"supervisor stacks log demo\n.*Z deploy succeeded .*\n.*Z webhook succeeded ", told
    )
    assert list(tmp_path.iterdir()) == []
    assert containers_and_image(told) == ""


@pytest.mark.long
def test_a_demo_that_is_kept_goes_on_until_it_is_stopped(engine: Engine, tmp_path: Path) -> None:
    told = run_demo(tmp_path, keep="1")
    (folder,) = tmp_path.iterdir()
    try:
        (pid,) = re.findall(r'SERVER_PID="(\d+)"', (folder / "demo.env").read_text())
        server = psutil.Process(int(pid))
        assert is_alive(server)
        assert containers_and_image(told)
    finally:
        run_demo(tmp_path, "stop", str(folder))
    assert not is_alive(server)
    assert not folder.exists()
    assert containers_and_image(told) == ""

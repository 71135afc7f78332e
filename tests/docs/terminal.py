"""A terminal, in which the documents' commands are run."""

import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

SECONDS = 60


class Terminal:
    """A person at a terminal: types block after block, keeps the variables."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {name: os.environ[name] for name in ("PATH", "HOME")}
        self._state = folder / "variables"

    def run(self, script: str) -> str:
        """Run a block; return what it prints."""
        whole = f"set -a\n{script}\nenv -0 >'{self._state}'\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", whole],
            cwd=self._folder,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        assert not done.stderr, f"{script}\n{done.stderr}"
        pairs = self._state.read_text().split("\0")
        self._environment = dict(pair.split("=", 1) for pair in pairs if pair)
        return done.stdout

    def watch(self, script: str, wanted: re.Pattern[str]) -> str:
        """Run a block that does not end by itself; press Ctrl-C when the wanted is there."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {script}"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout
        printed = b""
        until = time.monotonic() + SECONDS
        try:
            while not wanted.fullmatch(printed.decode().strip()):
                left = until - time.monotonic()
                ready, _, _ = select.select([process.stdout], [], [], max(0, left))
                assert ready, f"not within {SECONDS} s: {script}\n{printed.decode()}"
                more = os.read(process.stdout.fileno(), 65536)
                assert more, f"ended by itself: {script}\n{printed.decode()}"
                printed += more
                assert b'"status": "failed"' not in printed, printed.decode()
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(10)
            process.stdout.close()
        return printed.decode()

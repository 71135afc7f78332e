"""Looks at what /up tells, also where nobody asks: the log has every alarm."""

import threading

from flask import Flask

from supervisor.diagnostics.problems import find_problems

ROUND_SECONDS = 10


class Rounds:
    """Look at what /up tells, also where nobody asks: the log has every alarm."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._walk, name="rounds", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _walk(self) -> None:
        while not self._stopping.wait(ROUND_SECONDS):
            with self._app.app_context():
                find_problems()

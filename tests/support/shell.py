"""What tests of commands need: an environment, and lines as they came."""

import os

ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Log:
    """Lines as they came."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, lines: list[str]) -> None:
        self.lines += lines

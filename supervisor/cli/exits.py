"""How a command ends."""

import click

FAILED, NOBODY_ANSWERS, KEY_REFUSED, NOT_FOUND = 1, 3, 4, 5


class Ended(click.ClickException):
    """End with a message and an exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]  # click declares it of the class


def printable(text: object) -> str:
    """Return text that cannot steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))

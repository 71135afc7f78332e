"""Rows of the database that a test needs without asking the API for them."""

from flask import Flask

from supervisor.security.crypto import Cipher
from supervisor.settings.parts import part_of
from supervisor.store import models, words


def stack_row(app: Flask) -> models.Stack:
    """Return a stack that no session knows, with nothing sealed in it."""
    uuid = "0b7d3c1e-6f5a-4f0e-9a53-0d6a3a1f2c44"
    return models.Stack(
        name="site",
        name_key="site",
        project="site-0b7d3c1e",
        git_repository="https://git.example.org/site.git",
        git_reference="main",
        compose_file="compose.yml",
        strategy=words.Strategy.POLLING,
        sealed=part_of(Cipher, app).seal(b"{}", uuid),
        uuid=uuid,
    )

"""Supervisor: a GitOps service for Docker Compose."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from supervisor.settings.config import Config


def create_app(config: "Config | None" = None) -> "Flask":
    """Build the app from a Config, by default from the environment; starts nothing."""
    # Imported only here: gunicorn's master reads the settings and stays small.
    from supervisor.application import build  # noqa: PLC0415
    from supervisor.settings.config import Config  # noqa: PLC0415

    return build(config or Config.from_environment(os.environ))

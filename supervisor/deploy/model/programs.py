"""Nothing of a repository has the command line run a program on the host.

A service's provider is a program that Docker Compose itself starts, with Supervisor's rights, from
PATH, Docker's plugins or a path; a model is brought by the plugin `docker model`.
https://github.com/docker/compose/blob/v2.40.3/docs/extension.md
"""

from collections.abc import Mapping
from typing import Any

from supervisor.errors import DeployRefused

RUN_BY_COMPOSE = ("provider", "models")


def check_programs(model: Mapping[str, Any]) -> None:
    """Raise DeployRefused for a rendered model for which Compose itself would run a program."""
    keys = ["models"] if model.get("models") else []
    for name, service in (model.get("services") or {}).items():
        keys += [f"services.{name}.{key}" for key in RUN_BY_COMPOSE if service.get(key)]
    if keys:
        raise DeployRefused(
            f"{keys[-1]} has Docker Compose run a program on the host, as Supervisor: that is not"
            " allowed"
        )

"""The settings of the service, as its environment and its storage give them."""

import os
from pathlib import Path

from supervisor.errors import ConfigInvalid, SupervisorError
from supervisor.settings.config import Config
from supervisor.settings.keys import API_KEY, SECRET_KEY_BASE

AT_THE_FIRST_START = {API_KEY: "made-at-the-first-start", SECRET_KEY_BASE: "-" * 32}


def read() -> Config:
    """Read the settings; make nothing; raise ConfigInvalid."""
    return Config.from_environment(os.environ, may_make_keys=False)


def read_before_first_start() -> Config:
    """Read the settings also where the keys are yet to be made; raise ConfigInvalid."""
    try:
        return read()
    except ConfigInvalid as invalid:
        if not invalid.messages.keys() >= AT_THE_FIRST_START.keys() or _is_given():
            raise
        # The other settings may be wrong too.
        return Config.from_environment(os.environ | AT_THE_FIRST_START)


def _is_given() -> bool:
    return any(os.environ.get(name, "").strip() for name in AT_THE_FIRST_START)


def database_of(config: Config) -> Path:
    """Return the database's path; raise SupervisorError where there is none."""
    path = config.storage / "supervisor.db"
    if not path.exists():
        raise SupervisorError(f"there is no database in {config.storage}: set SUPERVISOR_STORAGE")
    return path

"""The application: extensions bound, blueprints mounted, nothing started."""

from flask import Flask

from supervisor.api import register
from supervisor.api.dispatch import ThreadedFlask
from supervisor.commands.docker.engine import Engine
from supervisor.commands.process.shell import Shell
from supervisor.deploy.host_storage import HostStorage
from supervisor.security.crypto import Cipher
from supervisor.settings import parts
from supervisor.settings.config import Config
from supervisor.store import database


def build(config: Config) -> Flask:
    """Build the app from its settings."""
    app = ThreadedFlask(__name__, static_folder=None)
    engine = Engine(Shell(marker=f"{config.marker}mounts"))
    host_storage = HostStorage(config.storage, engine)
    parts.keep(app, config, Cipher(config.secret_key_base), host_storage)
    config.storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.bind(app, config.storage / "supervisor.db")
    register(app, config)
    return app

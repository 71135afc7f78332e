"""Starting and stopping what works in the background of an app."""

import logging
import sys
import threading

from flask import Flask

from supervisor import database, vault
from supervisor.config import Config
from supervisor.errors import SupervisorError
from supervisor.runner import Runner
from supervisor.scheduler import Scheduler
from supervisor.watcher import Watcher

log = logging.getLogger(__name__)

_stopping = threading.Lock()

REFUSED = 4  # gunicorn takes it as final and does not start the worker again


def start(app: Flask, config: Config) -> None:
    """Migrate, make sure of the key, then start the runner and the scheduler."""
    try:
        with app.app_context():
            database.migrate()
            vault.check_key()
    except SupervisorError as error:
        log.error("Supervisor does not start: %s", error)
        sys.exit(REFUSED)
    parts: dict[str, Runner | Scheduler | Watcher] = {
        "supervisor_runner": Runner(app, config),
        "supervisor_scheduler": Scheduler(app, config),
        "supervisor_watcher": Watcher(app, config),
    }
    app.extensions |= parts
    for part in parts.values():
        part.start()


def stop(app: Flask) -> None:
    """Trigger nothing more, then let what runs end; a second call waits for the first."""
    with _stopping:
        for name in ("supervisor_scheduler", "supervisor_watcher", "supervisor_runner"):
            part = app.extensions.pop(name, None)
            if part:
                part.stop()

"""Starting and stopping what works in the background of an app."""

import logging
import sys
import threading

from flask import Flask

from supervisor.deploy import host_storage
from supervisor.diagnostics.engine import EngineProbe
from supervisor.diagnostics.pulse import Pulse
from supervisor.diagnostics.rounds import Rounds
from supervisor.errors import StorageError, SupervisorError, WrongKey
from supervisor.runner.pool import Runner
from supervisor.settings import keys, parts
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.store import database, lock, schema
from supervisor.triggers.scheduler import Scheduler
from supervisor.watch.watcher import Watcher

log = logging.getLogger("supervisor.service")

_stopping = threading.Lock()

STOPPED: tuple[type[Rounds | Scheduler | Watcher | Runner], ...] = (
    Rounds,
    Scheduler,
    Watcher,
    Runner,
)
EXIT_FOR_GOOD = 4  # gunicorn takes it as final and does not start the worker again


def start(app: Flask, config: Config) -> None:
    """Migrate, make sure of the key, then start the runner and the scheduler."""
    try:
        with app.app_context():
            schema.migrate()
            vault.check_key()
    except SupervisorError as error:
        log.error("Supervisor does not start: %s", error)
        if isinstance(error, WrongKey) and keys.next_keys(config.storage):
            log.error("A rotation of the key was cut off: call supervisor rotate-key again")
        sys.exit(EXIT_FOR_GOOD)
    except (StorageError, OSError) as error:
        reason = error.reason if isinstance(error, StorageError) else error
        log.error("Supervisor does not start: the database cannot be used: %s", reason)
        sys.exit(EXIT_FOR_GOOD)
    host_storage.warn_if_lost(config.storage)
    lock.warn_if_open(config.storage)
    probe, pulse = EngineProbe(), Pulse()
    workers = (
        Runner(app, config),
        Scheduler(app, config, probe, pulse),
        Watcher(app, config),
        Rounds(app),
    )
    parts.keep(app, probe, pulse, *workers)
    for worker in workers:
        worker.start()


def stop(app: Flask) -> None:
    """Trigger nothing more, then let what runs end; a second call waits for the first."""
    with _stopping:
        # What nobody beats or asks any more is no sign of trouble.
        for sign in (EngineProbe, Pulse):
            parts.drop(app, sign)
        for kind in STOPPED:
            worker = parts.drop(app, kind)
            if worker:
                worker.stop()
        _write_back(app)


def _write_back(app: Flask) -> None:
    try:
        with app.app_context():
            database.write_back()
    except StorageError as error:
        log.warning("The database's log could not be written back: %s", error.reason)

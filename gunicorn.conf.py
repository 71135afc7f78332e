"""How gunicorn runs Supervisor: one worker process, started and drained by these hooks."""

import gc
import os
import sys
import time

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from supervisor.errors import ConfigInvalid, StorageInUse
from supervisor.logs import format as logs
from supervisor.network import waiting
from supervisor.security.redact import Redactor
from supervisor.settings.config import Config
from supervisor.store import lock

# `schedule` counts in local time, and an hour of that comes twice each autumn.
# https://schedule.readthedocs.io/en/stable/timezones.html
os.environ["TZ"] = "UTC"
time.tzset()

try:
    settings = Config.from_environment(os.environ)
except ConfigInvalid as invalid:
    for name, messages in invalid.messages.items():
        print(f"supervisor: {name} {', '.join(messages)}", file=sys.stderr)
    sys.exit(2)
except OSError as error:
    print(f"supervisor: the storage cannot be used: {error}", file=sys.stderr)
    sys.exit(3)

if settings.made_keys:
    # Not on standard output, which has the log alone.
    print("supervisor: keys were made and are kept in", settings.storage / "keys", file=sys.stderr)
    print("supervisor: the API key is", settings.api_key.reveal(), file=sys.stderr)

bind = settings.bind
workers = 1
worker_class = "supervisor.worker.Worker"
# Followers hold a connection each, and so do clients that say nothing; the rest is for requests.
worker_connections = settings.followers_limit + waiting.MOST + 500
# Runs get their grace, their commands are ended, their end is recorded: then there is no rest.
graceful_timeout = settings.grace_seconds + 15
timeout = 60
loglevel = settings.log_level
own = (settings.api_key, settings.former_api_key, settings.secret_key_base)
own_secrets = Redactor([secret.reveal() for secret in own if secret])
logconfig_dict = logs.settings(settings.log_level, settings.log_format, own_secrets)
control_socket_disable = True
proc_name = "supervisor"
limit_request_line = 4094
# What proxies say is looked at in one place, api/forwarded.py; gunicorn trusts no address.
# https://docs.gunicorn.org/en/stable/settings.html#forwarded-allow-ips
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""


def on_starting(_server: Arbiter) -> None:
    """Take the storage before anything is written to it."""
    try:
        lock.take(settings.storage)
    except StorageInUse as error:
        print(f"supervisor: {error}", file=sys.stderr)
        sys.exit(3)
    except OSError as error:
        print(f"supervisor: the storage cannot be used: {error}", file=sys.stderr)
        sys.exit(3)


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """Keep the garbage collector from writing to, and so copying, what the worker will share.

    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.freeze()


def post_fork(_server: Arbiter, _worker: Worker) -> None:
    """Begin with what starts commands, while this process is small and has one thread."""
    from supervisor.commands.process.launcher import launcher

    launcher.fork()


def post_worker_init(worker: Worker) -> None:
    """Bring the database up to date, then begin to work."""
    from supervisor.service import start

    start(worker.app.wsgi(), settings)
    gc.collect()
    gc.freeze()  # what is here by now stays: looking through it again would take 0.1 s each time


def worker_exit(_server: Arbiter, worker: Worker) -> None:
    """Let what runs come to an end, or end it."""
    from supervisor.service import stop

    stop(worker.app.wsgi())

"""The service's own log: one event a line, on standard output, as text or as JSON."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from supervisor.logs.context import request_id, run_id
from supervisor.logs.quiet import QuietFilter

Redact = Callable[[str], str]


class _Format(logging.Formatter):
    """Know what both forms have in common: time in UTC, ids, secrets taken out."""

    converter = staticmethod(time.gmtime)

    def __init__(self, redact: Redact) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self._redact = redact

    def event(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the event's facts; those that a call gave as `extra={"facts": …}` too."""
        facts = {
            "time": f"{self.formatTime(record, self.datefmt)}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_id.get(),
            "run": run_id.get(),
            **getattr(record, "facts", {}),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return {name: value for name, value in facts.items() if value is not None}


class Text(_Format):
    """Write a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event's line; ids come after the message."""
        event = self.event(record)
        ids = [f"{name}={event[name]}" for name in ("request", "run") if name in event]
        error = [event["error"]] if "error" in event else []
        text = " ".join([event["message"], *ids, *error])
        head = f"{event['time']} {event['level'].upper():<7} {event['logger']}: "
        return head + _one_line(self._redact(text))


class Json(_Format):
    """Write an object for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event's line: ASCII, so that no reader finds an end of line in it.

        Python's `str.splitlines`, say, takes U+2028 for one:
        https://docs.python.org/3/library/stdtypes.html#str.splitlines
        """
        facts = self.event(record).items()
        return json.dumps({k: self._redact(v) if isinstance(v, str) else v for k, v in facts})


FORMATS = {"text": Text, "json": Json}


def settings(level: str, form: str, redact: Redact) -> dict[str, Any]:
    """Return the configuration for `logging` and gunicorn; of others only warnings are shown."""
    own = {"level": level.upper(), "handlers": ["out"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATS[form], "redact": redact}},
        "filters": {"quiet": {"()": QuietFilter}},
        "handlers": {
            "out": {
                "class": "logging.StreamHandler",
                "filters": ["quiet"],
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["out"]},
        "loggers": {"supervisor": own, "gunicorn.error": own},
    }


def _one_line(text: str) -> str:
    """Escape line ends and what a terminal obeys: no value forges a second event."""
    escaped = text.replace("\r", "\\r").replace("\n", "\\n")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in escaped)

"""The service's own log: one event a line, on standard output."""

import logging
import time
from typing import Any


class OneLine(logging.Formatter):
    """Escape line ends, so that no value can forge a second event; tracebacks stay readable."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the event's line."""
        escaped = record.message.replace("\r", "\\r").replace("\n", "\\n")
        record.message = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in escaped)
        return super().formatMessage(record)


def settings(level: str) -> dict[str, Any]:
    """Return the configuration for `logging` and gunicorn; `sh` and others speak at warnings."""
    own = {"level": level.upper(), "handlers": ["out"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": OneLine,
                "format": "{asctime}.{msecs:03.0f}Z {levelname:<7} {name}: {message}",
                "datefmt": "%Y-%m-%dT%H:%M:%S",
                "style": "{",
            }
        },
        "handlers": {
            "out": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["out"]},
        "loggers": {"supervisor": own, "gunicorn.error": own},
    }

"""One event is one line, without secrets."""

import logging

from supervisor.logs.format import FORMATS
from supervisor.security.redact import Redactor


def test_what_breaks_is_one_line_in_either_form() -> None:
    """Nothing of ours breaks on demand, so the formatters are asked themselves."""
    try:
        raise ValueError("first line\nsecond line with hidden-value")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "a\nb", "exc_info": (ValueError, error, error.__traceback__), "name": "x"}
        )
    for form in FORMATS.values():
        line = form(Redactor(["hidden-value"])).format(record)
        assert len(line.splitlines()) == 1
        assert "ValueError: first line" in line
        assert "hidden-value" not in line

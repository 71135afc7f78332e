"""What clients without a key cause is a bounded number of lines, and those are short."""

import logging

import pytest

from supervisor.logs.context import is_stranger
from supervisor.logs.quiet import QuietFilter, cut


def record(name: str, level: int, message: str = "x") -> logging.LogRecord:
    return logging.makeLogRecord({"name": name, "levelno": level, "msg": message})


@pytest.mark.parametrize(
    ("name", "level", "few"),
    [
        ("gunicorn.error", logging.DEBUG, True),
        ("gunicorn.error", logging.WARNING, True),
        ("supervisor.deliveries", logging.WARNING, True),
        ("supervisor.api.errors", logging.ERROR, True),
        ("supervisor.access", logging.INFO, False),
        ("supervisor.runs", logging.INFO, False),
    ],
)
def test_complaints_about_strangers_are_few(name: str, level: int, few: bool) -> None:
    quiet = QuietFilter()
    assert all(quiet.filter(record(name, level)) for _ in range(20))
    token = is_stranger.set(True)
    try:
        assert [quiet.filter(record(name, level)) for _ in range(3)] == [True, not few, not few]
    finally:
        is_stranger.reset(token)


def test_what_the_server_quotes_is_cut_short() -> None:
    token = is_stranger.set(True)
    try:
        long = record("gunicorn.error", logging.WARNING, "%s \ud83d" * 4000)
        assert QuietFilter().filter(long)
    finally:
        is_stranger.reset(token)
    assert len(long.getMessage()) < 300
    assert cut("as it is") == "as it is"

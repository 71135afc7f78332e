"""A repository that fails is asked less often."""

from datetime import timedelta

import pytest

from supervisor.triggers import polls


@pytest.mark.parametrize(
    ("interval", "failures", "seconds"),
    [(60, 0, 60), (60, 1, 120), (60, 3, 480), (60, 9, 3600), (1, 12, 3600), (7200, 5, 7200)],
)
def test_the_pause_doubles_up_to_an_hour(interval: int, failures: int, seconds: int) -> None:
    assert polls.pause(interval, failures) == timedelta(seconds=seconds)

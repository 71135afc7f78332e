"""When a stack is checked for the first time."""

import random
from datetime import datetime, timedelta

from supervisor.store.models import now

FIRST_CHECK_SECONDS = 60


def first_check_at(interval: int | None) -> datetime | None:
    """Return a time for the first check, spread so that not all come at once."""
    if interval is None:
        return None
    spread = min(interval, FIRST_CHECK_SECONDS)
    return now() + timedelta(seconds=random.uniform(spread / 2, spread))  # noqa: S311

"""What is due moves with the clock."""

import time
from datetime import datetime, timedelta
from pathlib import Path

import gevent
import pytest

from supervisor.diagnostics.engine import EngineProbe
from supervisor.diagnostics.pulse import Pulse
from supervisor.settings.config import Config
from supervisor.settings.parts import part_of
from supervisor.store.database import reading, writing
from supervisor.store.models import Stack, now
from supervisor.triggers.scheduler import Scheduler
from tests.support.api import application, close

pytestmark = pytest.mark.long


@pytest.mark.row("P8")
@pytest.mark.parametrize("days", [365, -1])
def test_due_times_move_with_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    api = application(tmp_path / "storage")
    api.create(polling_interval=600)
    due = now() + timedelta(days=3)
    with api.app.app_context():
        with writing() as session:
            session.query(Stack).one().check_at = due
        scheduler = Scheduler(api.app, part_of(Config), EngineProbe(), Pulse())
        shift = timedelta(days=days).total_seconds()
        real = time.time
        scheduler.start()
        try:
            gevent.sleep(1.5)
            with monkeypatch.context() as clock:
                clock.setattr(time, "time", lambda: real() + shift)
                wait_for_shift(due, shift)
            wait_for_shift(due, 0)
        finally:
            scheduler.stop()
            gevent.sleep(1.5)
    close(api)


def wait_for_shift(due: datetime, shift: float) -> None:
    """Let the scheduler's greenlet run until the due time has moved by so much, nearly."""
    for _ in range(300):
        if abs((check_at() - due).total_seconds() - shift) < 60:
            return
        gevent.sleep(0.1)
    raise AssertionError(f"due at {check_at()}, and not {shift} s after {due}")


def check_at() -> datetime:
    with reading() as session:
        found = session.query(Stack).one().check_at
    assert found is not None
    return found

"""The scheduler's pulse: well while it is beaten, then silent for as long as it was not."""

import time

import pytest

from supervisor.diagnostics.pulse import STALE_SECONDS, Pulse


def test_a_pulse_is_stale_until_it_beats_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse, real = Pulse(), time.monotonic
    assert pulse.stale_seconds == 0
    monkeypatch.setattr(time, "monotonic", lambda: real() + STALE_SECONDS + 1)
    assert pulse.stale_seconds == pytest.approx(STALE_SECONDS + 1, abs=1)
    pulse.beat()
    assert pulse.stale_seconds == 0

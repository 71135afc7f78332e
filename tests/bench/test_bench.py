"""The measurements still work; what they find is for `make bench` on a quiet machine."""

import pytest

from bench import footprint
from bench.__main__ import MEASUREMENTS
from bench.figures import table
from bench.stage import Stage
from tests.support.engine import Engine


def test_the_cheapest_measurement_fills_its_rows_of_the_table(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "STARTS", 1)
    monkeypatch.setattr(footprint, "SETTLE_SECONDS", 0)
    assert footprint.measure in MEASUREMENTS.values()
    with Stage(engine) as stage:
        figures = footprint.measure(stage)
    text = table(figures)
    assert text.count("\n") == 1 + len(figures)
    assert all(figure.what in text and figure.met is not None for figure in figures)

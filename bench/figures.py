"""What a measurement found, and the table that a person reads."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured thing; `met` is None where no goal was set."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None
    note: str = ""


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not exceeded by this share of them."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def milliseconds(seconds: float) -> str:
    """Return a short time as text."""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table in Markdown, padded so that it reads well as it is."""
    rows = [("what", "goal", "measured", "met", "details")]
    rows += [(f.what, f.goal or "none", f.measured, _word(f.met), f.note) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _word(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "**NO**"

"""Run the measurements, all or those named, and print their table."""

import signal
import sys
import time
import traceback
from collections.abc import Callable

from bench import (
    answers,
    aside,
    container,
    downtime,
    followers,
    footprint,
    healing,
    polls,
    push,
)
from bench.figures import Figure, table
from bench.stage import Stage

MEASUREMENTS: dict[str, Callable[[Stage], list[Figure]]] = {
    "footprint": footprint.measure,
    "container": container.measure,
    "push": push.measure,
    "downtime": downtime.measure,
    "healing": healing.measure,
    "aside": aside.measure,
    "polls": polls.measure,
    "answers": answers.measure,
    "followers": followers.measure,
}


BROKEN = "could not be measured"


def main(names: list[str]) -> int:
    """Measure and print; a goal that is missed is marked, and is no error."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"No such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
        return 2
    figures: list[Figure] = []
    with Stage() as stage:
        for name in names or MEASUREMENTS:
            begun = time.monotonic()
            print(f"{name} …", end=" ", flush=True, file=sys.stderr)
            figures += _measured(name, stage)
            stage.end_services()
            print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(table(figures))
    return int(any(figure.measured == BROKEN for figure in figures))


def _measured(name: str, stage: Stage) -> list[Figure]:
    """Measure; what breaks has its row too, so that nothing found before it is lost."""
    try:
        return MEASUREMENTS[name](stage)
    except Exception as error:  # noqa: BLE001 (whatever it was is shown)
        traceback.print_exc()
        return [Figure(name, BROKEN, met=False, note=f"{type(error).__name__}: see above")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

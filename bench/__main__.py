"""Run the measurements, all or those named, and print their table."""

import signal
import sys
import time
from collections.abc import Callable

from bench import answers, followers, footprint, polls, push
from bench.figures import Figure, table
from bench.stage import Stage

MEASUREMENTS: dict[str, Callable[[Stage], list[Figure]]] = {
    "footprint": footprint.measure,
    "push": push.measure,
    "polls": polls.measure,
    "answers": answers.measure,
    "followers": followers.measure,
}


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
            figures += MEASUREMENTS[name](stage)
            stage.end_services()
            print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

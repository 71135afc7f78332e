"""Run as a program: commands in real threads beside a hub that ticks; prints what it measured."""

from gevent import monkey

monkey.patch_all(os=False, thread=False, select=False, subprocess=False, signal=False, queue=False)

import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402
import psutil  # noqa: E402
from gevent.threadpool import ThreadPool  # noqa: E402

from supervisor.commands.process.shell import Shell  # noqa: E402

COMMANDS = 20


def one(number: int) -> str:
    """Run a command that prints for a moment."""
    lines: list[str] = []
    shell = Shell(log=lines.extend)
    script = f"for i in 1 2 3; do echo {number}; sleep 0.05; done"
    shell.stream(["sh", "-c", script], env={"PATH": os.environ["PATH"]}, seconds=20)
    return "".join(lines)


def main() -> None:
    """Print the longest stand of the hub in the best of three rounds, and descriptors left."""
    pool = ThreadPool(COMMANDS)
    pool.map(one, range(COMMANDS))
    gaps: list[float] = []

    def tick() -> None:
        last = time.monotonic()
        while True:
            gevent.sleep(0.002)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    before = psutil.Process().num_fds()
    ticker = gevent.spawn(tick)
    worst: list[float] = []
    for _ in range(3):
        gaps.clear()
        assert pool.map(one, range(COMMANDS)) == [f"{n}" * 3 for n in range(COMMANDS)]
        worst.append(max(gaps))
    ticker.kill()
    left = psutil.Process().num_fds() - before
    sys.stdout.write(f"{min(worst):.3f} {left}\n")


main()

"""Run as a program: commands in real threads, which end only where the hub goes on meanwhile."""

from gevent import monkey

monkey.patch_all(os=False, thread=False, select=False, subprocess=False, signal=False, queue=False)

import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402

import gevent  # noqa: E402
import psutil  # noqa: E402
from gevent.threadpool import ThreadPool  # noqa: E402

from supervisor.commands.process.shell import Shell  # noqa: E402

COMMANDS = 20
STEPS = ("1", "2", "3")


def one(folder: Path, number: int) -> str:
    """Run a command that goes on, after each line, only when a greenlet has let it."""
    lines: list[str] = []

    def take(printed: list[str]) -> None:
        lines.extend(printed)
        for line in printed:
            (folder / f"{number}-{line}").touch()

    wait = f"until [ -e {folder}/go-{number}-$i ]; do sleep 0.01; done"
    script = f"for i in {' '.join(STEPS)}; do echo $i; {wait}; done"
    Shell(log=take).stream(["sh", "-c", script], env={"PATH": os.environ["PATH"]}, seconds=50)
    return "".join(lines)


def let_go(folder: Path) -> None:
    """Answer each line that has come; in the hub, which does nothing while anybody holds it."""
    while True:
        for path in folder.glob("[0-9]*"):
            (folder / f"go-{path.name}").touch()
        gevent.sleep(0.002)


def all_of_them(pool: ThreadPool) -> None:
    """Run the commands side by side; they end only where the hub runs beside them."""
    with TemporaryDirectory() as name:
        greenlet = gevent.spawn(let_go, Path(name))
        said = pool.map(lambda number: one(Path(name), number), range(COMMANDS))
        assert said == ["".join(STEPS)] * COMMANDS
        greenlet.kill()


def main() -> None:
    """Print how many descriptors were left."""
    pool = ThreadPool(COMMANDS)
    all_of_them(pool)
    before = psutil.Process().num_fds()
    all_of_them(pool)
    sys.stdout.write(f"{psutil.Process().num_fds() - before}\n")


main()

"""What preparing a commit aside costs in a repository of 100 MB, against the bare commands."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.figures import Figure, median, milliseconds
from bench.push import bare_on, ours_on, versioned
from bench.stage import Stage
from tests.support.repository import Repository

FILES = 20
BYTES = 5 * 10**6
ROUNDS = 5
LARGE_ROUNDS = 2


@dataclass
class Large:
    """The files of stacks, and 100 MB that cannot be compressed."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    def renew(self) -> None:
        """Make all of it anew."""
        self.blobs = {f"data/{number}": os.urandom(BYTES) for number in range(FILES)}

    def keep(self) -> None:
        """Leave it as it was committed last."""
        self.blobs = {}

    def files(self, version: str, port: int) -> Mapping[str, str | bytes]:
        """Return a stack's files, and the large ones if they are new."""
        return {**versioned(version, port), **self.blobs}


@dataclass
class Second:
    """A clone that only checks out, to tell what one more checkout costs."""

    repository: Repository
    took: list[float] = field(default_factory=list)

    def round(self) -> None:
        """Bring it up to date; note how long the checkout took."""
        self.repository.git("fetch", "--quiet")
        begun = time.monotonic()
        self.repository.git("reset", "--quiet", "--hard", "origin/main")
        self.took.append(time.monotonic() - begun)


def measure(stage: Stage) -> list[Figure]:
    """Commit 100 MB, each time anew; then change a line beside it."""
    large = Large()
    service = stage.service().start()
    ours = ours_on(stage, service, large.files)
    bare = bare_on(stage, large.files)
    for each in (ours, bare):  # to look for similarities in it would take longer than all the rest
        each.repository.git("config", "core.bigFileThreshold", "1m")
    second = Second(Repository(stage.path("second")))
    second.repository.git("remote", "add", "origin", bare.repository.url)
    second.round()

    def rounds(numbers: range, change: Callable[[], None]) -> tuple[float, float, float]:
        for each in (ours, bare, second):
            each.took.clear()
        for number in numbers:
            change()
            ours.round(str(number))
            bare.round(str(number))
            second.round()
        return median(ours.took), median(bare.took), median(second.took)

    everything = rounds(range(2, LARGE_ROUNDS + 2), large.renew)
    line = rounds(range(LARGE_ROUNDS + 2, LARGE_ROUNDS + 2 + ROUNDS), large.keep)
    stage.engine.remove(bare.project)
    disk = _size(service.storage) / _size(bare.clone)
    return [
        _figure("a line changed beside 100 MB, against bare", *line),
        _figure("100 MB changed, against bare", *everything),
        Figure("disk for a stack on 100 MB, against a clone", f"{disk:.1f} times"),
    ]


def _figure(what: str, own: float, base: float, checkout: float) -> Figure:
    note = (
        f"{own:.2f} s against {base:.2f} s; the second checkout is "
        f"{milliseconds(checkout)} of it, {checkout / base:.2f} times"
    )
    return Figure(what, f"{own / base:.2f} times", note=note)


def _size(folder: os.PathLike[str]) -> int:
    """Return what a folder takes on the disk, in KiB."""
    done = subprocess.run(["du", "-sk", folder], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])

"""For how long a service does not answer while its stack is updated, and while an update fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.figures import Figure, median, milliseconds
from bench.push import UP, Bare, Contender, Files, Hooked, bare_on, ours_on, served
from bench.stage import Stage
from tests.support.compose_files import compose, sleeper
from tests.support.engine import BASE_IMAGE
from tests.support.ports import free_port

ROUNDS = 5
GOAL = 1.1
PATIENCE = 1.0  # who should not notice anything may still be slow: others use the machine
ROUGH = "docker compose down; "
MISSING = "127.0.0.1:1/missing:1"


@dataclass
class Probe:
    """Asks a service every 5 ms, and adds up for how long it did not answer."""

    port: int
    patience: float = 0.1
    """How long it waits for an answer; while a container is replaced, packets get lost."""
    down: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask for the length of a with block."""
        thread = threading.Thread(target=self._ask)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self._stop.clear()

    def _ask(self) -> None:
        failing_since: float | None = None
        while not self._stop.wait(0.005):
            begun = time.monotonic()
            if served(self.port, self.patience) is None:
                failing_since = failing_since or begun
            elif failing_since is not None:
                self.down += time.monotonic() - failing_since
                failing_since = None
        if failing_since is not None:
            self.down += time.monotonic() - failing_since


@dataclass
class Watched:
    """A way to update a stack, and what its two services miss by it, a value for each round."""

    contender: Contender
    untouched_port: int
    changed: list[float] = field(default_factory=list)
    untouched: list[float] = field(default_factory=list)

    def round(self, version: str) -> None:
        """Update once, and ask both services all the while."""
        changed, untouched = Probe(self.contender.port), Probe(self.untouched_port, PATIENCE)
        with changed.asking(), untouched.asking():
            self.contender.round(version)
        self.changed.append(changed.down)
        self.untouched.append(untouched.down)


def measure(stage: Stage) -> list[Figure]:
    """Let the three ways take turns; then commit what cannot be pulled."""
    service = stage.service().start()
    ports = [free_port() for _ in range(3)]
    ours = Watched(ours_on(stage, service, _with(ports[0])), ports[0])
    bare = Watched(bare_on(stage, _with(ports[1])), ports[1])
    rough = Watched(bare_on(stage, _with(ports[2]), ROUGH + UP), ports[2])
    for number in range(2, ROUNDS + 2):
        for watched in (ours, bare, rough):
            watched.round(str(number))
    failing = _failing(ours)
    for watched in (bare, rough):
        assert isinstance(watched.contender, Bare)
        stage.engine.remove(watched.contender.project)
    return _figures(ours, bare, rough, failing)


def _with(port: int) -> Files:
    """Return what makes a stack's files: `web`, which changes, and `stays` at a port of its own."""
    return lambda version, changed: compose(
        {"web": _serving(version, changed), "stays": _serving("stays", port)}
    )


def _serving(version: str, port: int, image: str = BASE_IMAGE) -> dict[str, object]:
    """Return a service that serves its version."""
    script = "mkdir -p /www && echo $$VERSION >/www/version && exec httpd -f -h /www"
    return sleeper(
        image=image,
        command=["sh", "-c", script],
        environment={"VERSION": version},
        ports=[f"127.0.0.1:{port}:80"],
    )


def _failing(ours: Watched) -> float:
    """Commit an image that cannot be pulled; return for how long a service did not answer."""
    contender = ours.contender
    assert isinstance(contender, Hooked)
    services: dict[str, object] = {
        "web": _serving("never", contender.port, MISSING),
        "stays": _serving("never", ours.untouched_port),
    }
    contender.repository.commit(compose(services))
    changed, untouched = Probe(contender.port, PATIENCE), Probe(ours.untouched_port, PATIENCE)
    with changed.asking(), untouched.asking():
        contender.trigger()
        contender.service.wait_for_run(contender.uuid, status="failed")
    return changed.down + untouched.down


def _figures(ours: Watched, bare: Watched, rough: Watched, failing: float) -> list[Figure]:
    own, base, worst = (median(each.changed) for each in (ours, bare, rough))
    ratio = own / base
    missed = sum(ours.untouched)
    beside = milliseconds(median(rough.untouched))
    return [
        Figure(
            "downtime of the changed service in an update",
            f"{ratio:.2f} times",
            f"<= {GOAL} times the bare command",
            ratio <= GOAL,
            f"{milliseconds(own)} against {milliseconds(base)}, medians of {ROUNDS}; "
            f"`docker compose down` and `up`: {milliseconds(worst)}",
        ),
        Figure(
            "downtime of the untouched service in an update",
            milliseconds(missed),
            "0 ms",
            missed == 0,
            f"in {ROUNDS} updates; `docker compose down` and `up`: {beside} each",
        ),
        Figure(
            "downtime of both in a commit that cannot be pulled",
            milliseconds(failing),
            "0 ms",
            failing == 0,
            "the run fails at `pull`",
        ),
    ]

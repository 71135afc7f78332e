"""Handing a run over to a helper container, where it would replace Supervisor itself.

The helper has the same image, storage and rights. What it is to do lies in the storage, encrypted;
so does what came of it, until a Supervisor has read that: the old one or the new one.
"""

import json
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from supervisor import durable
from supervisor.commands.docker.own_container import Mount, OwnContainer
from supervisor.commands.git.remote import Remote
from supervisor.deploy.rollout import Job, Progress
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Workspace
from supervisor.errors import HandoverLost, SupervisorError
from supervisor.security.crypto import Cipher
from supervisor.selfupdate.helper import HelperContainer
from supervisor.settings.config import TimeLimits

FOLDER = "handovers"
GATE_SECONDS = 120
LOOK_SECONDS = 0.5
GONE_SECONDS = 15  # an engine that starts may start the helper after Supervisor


@dataclass(frozen=True)
class Order:
    """What the helper is to do."""

    spec: StackSpec
    place: Workspace
    job: Job
    limits: TimeLimits
    progress: Progress
    secrets: list[str]
    former: str | None
    """A container that is Supervisor now, and no part of the stack's project yet."""

    def dump(self) -> bytes:
        """Return the order as bytes; it holds variables, so it is to be sealed."""
        # It asks no repository and makes no fingerprint. Nobody could repair a Supervisor that is
        # not healthy, so it always waits at a gate, and always goes back.
        spec = replace(
            self.spec,
            remote=Remote(self.spec.remote.url),
            digest_key=b"",
            previous=None,
            health_timeout=self.spec.health_timeout or GATE_SECONDS,
            rollback=True,
        )
        values = asdict(replace(self, spec=spec))
        del values["spec"]["digest_key"]
        return json.dumps(values, default=str).encode()

    @classmethod
    def parse(cls, text: bytes) -> "Order":
        """Return the order that `dump` wrote."""
        values = json.loads(text)
        spec, place = values["spec"], values["place"]
        applied = spec["applied"] and AppliedState.load(spec["applied"])
        includes = tuple(spec["compose_includes"])
        remote = Remote(**spec["remote"])
        spec |= {"applied": applied, "compose_includes": includes, "remote": remote}
        return cls(
            spec=StackSpec(**spec),
            place=Workspace(**{**place, "storage": Path(place["storage"])}),
            job=Job.load(values["job"]),
            limits=TimeLimits(**values["limits"]),
            progress=Progress.load(values["progress"]),
            secrets=values["secrets"],
            former=values["former"],
        )


@dataclass(frozen=True)
class TakeoverResult:
    """What came of it."""

    status: str
    message: str
    progress: Progress
    retry: bool = False


@dataclass(frozen=True)
class Handover:
    """What Supervisor and the helper of a run leave each other in the storage."""

    storage: Path
    run: str
    cipher: Cipher

    @property
    def folder(self) -> Path:
        """Return where all of it lies."""
        return self.storage / FOLDER / self.run

    @property
    def is_open(self) -> bool:
        """Tell whether the run was handed over, and nobody has read yet what came of it."""
        return (self.folder / "order").exists()

    def give(self, order: Order) -> None:
        """Leave an order for the helper."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write("order", order.dump())

    def order(self) -> Order:
        """Return what is to be done; raise WrongKey."""
        return Order.parse(self._read("order"))

    def finish(self, result: TakeoverResult) -> None:
        """Leave what came of it, so that it survives whatever comes next."""
        self._write("result", json.dumps(asdict(result)).encode())

    def result(self) -> TakeoverResult | None:
        """Return what came of it, None while that is open."""
        try:
            values: dict[str, Any] = json.loads(self._read("result"))
        except FileNotFoundError:
            return None
        return TakeoverResult(**{**values, "progress": Progress.load(values["progress"])})

    def tell(self, lines: list[str]) -> None:
        """Leave lines for the run's log, redacted ones."""
        with (self.folder / "output").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def news(self) -> list[str]:
        """Return the whole lines that were left since the last call, in whichever process."""
        seen = self.folder / "seen"
        start = int(seen.read_text()) if seen.exists() else 0
        with suppress(FileNotFoundError), (self.folder / "output").open("rb") as file:
            file.seek(start)
            whole, end, _ = file.read().rpartition(b"\n")
            if end:
                seen.write_text(str(start + len(whole) + 1))
                return whole.decode("utf-8", "replace").split("\n")
        return []

    def count_try(self) -> int:
        """Return how often the helper has begun, this time included."""
        with (self.folder / "tries").open("a+b") as file:
            file.write(b".")
            return file.tell()

    def close(self) -> None:
        """Forget all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, clear: bytes) -> None:
        durable.write(self.folder / name, self.cipher.seal(clear, f"{name} of {self.run}"))

    def _read(self, name: str) -> bytes:
        return self.cipher.open((self.folder / name).read_bytes(), f"{name} of {self.run}")


def hand_over(
    order: Order, handover: Handover, helper: HelperContainer, own: OwnContainer, mount: Mount
) -> None:
    """Have a helper container do an order; raise DeployRefused where it could not, and won't."""
    handover.give(order)
    try:
        helper.check(own, mount, order.place.storage)
        helper.start(own, mount, order.place.storage)
    except SupervisorError:
        handover.close()  # a helper that has begun all the same finds no order
        raise


def forget_others(storage: Path, runs: Collection[str]) -> None:
    """Remove what was left of runs that have ended."""
    for folder in (storage / FOLDER).glob("*"):
        if folder.name not in runs:
            shutil.rmtree(folder, ignore_errors=True)


def await_result(
    handover: Handover,
    helper: HelperContainer,
    show: Callable[[list[str]], None],
    stopping: Event,
) -> TakeoverResult | None:
    """Show what the helper prints until it has ended; None where this process is to stop before.

    Raise HandoverLost where the helper is gone without a result.
    """
    seen = time.monotonic()
    while not stopping.wait(LOOK_SECONDS):
        result = handover.result()
        if lines := handover.news():
            show(lines)
        if result:
            return result
        if not _is_gone(helper):
            seen = time.monotonic()
        elif time.monotonic() - seen > GONE_SECONDS:
            raise HandoverLost
    return None


def _is_gone(helper: HelperContainer) -> bool:
    try:
        return not helper.is_there()
    except SupervisorError:
        return False  # an engine that doesn't answer tells nothing

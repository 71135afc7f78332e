"""What the image weighs, how soon its container answers, what it takes when it does nothing."""

import os
import time

import psutil

from bench.figures import Figure, median
from bench.stage import Stage
from tests.support.container import ContainerService, build_image
from tests.support.engine import docker

STARTS = 5
SETTLE_SECONDS = 3
MEGABYTE = 1024 * 1024


def measure(stage: Stage) -> list[Figure]:
    """Build the image, start containers of it, then let one idle."""
    image = build_image(stage.engine, f"supervisor-bench/image:{os.getpid()}")
    seconds = []
    for count in range(STARTS):
        service = stage.container(image)
        begun = time.monotonic()
        service.start()
        seconds.append(time.monotonic() - begun)
        if count < STARTS - 1:
            service.close()
    time.sleep(SETTLE_SECONDS)
    memory = memory_of(service)
    return [
        Figure("size of the image", f"{size_of(image):.0f} MB", note="unpacked, with its base"),
        Figure(
            "docker run to the first /up",
            f"{median(seconds):.2f} s",
            note=f"median of {STARTS}, each with a new storage",
        ),
        Figure(
            "idle memory in the container, PSS",
            f"{sum(memory.values()):.0f} MB",
            note=", ".join(f"{name} {size:.0f} MB" for name, size in memory.items()),
        ),
    ]


def size_of(image: str) -> float:
    """Return an image's size in megabytes."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / MEGABYTE


def memory_of(service: ContainerService) -> dict[str, float]:
    """Return the proportional memory of the container's processes by program, in megabytes."""
    found: dict[str, float] = {}
    for row in docker("top", service.name, "-eo", "pid,comm").splitlines()[1:]:
        pid, name = row.split()
        size = psutil.Process(int(pid)).memory_full_info().pss / MEGABYTE
        found[name] = found.get(name, 0) + size
    return found

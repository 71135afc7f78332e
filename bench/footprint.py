"""How much memory a service takes that does nothing, and how soon it answers."""

import http.client
import time
from contextlib import closing, suppress
from threading import Thread
from urllib.parse import urlsplit

from bench.figures import Figure, median
from bench.stage import Stage, own_processes
from tests.support.service import Service

STARTS = 5
MEMORY_GOAL = 90
START_GOAL = 1.5
SETTLE_SECONDS = 3
MEGABYTE = 1024 * 1024


def measure(stage: Stage) -> list[Figure]:
    """Start new services and old ones, then let one idle."""
    services = [stage.service() for _ in range(STARTS)]
    new, old = [], []
    for service in services:
        new.append(seconds_to_up(service))
        service.terminate()
        old.append(seconds_to_up(service))
        if service is not services[-1]:
            service.terminate()
    time.sleep(SETTLE_SECONDS)
    rss, pss = memory_of(services[-1])
    return [
        Figure(
            "start to the first /up, new storage",
            f"{median(new):.2f} s",
            f"< {START_GOAL} s",
            median(new) < START_GOAL,
            f"median of {STARTS}; on storage that was there before: {median(old):.2f} s",
        ),
        Figure(
            "idle memory, PSS of the three processes",
            f"{pss:.0f} MB",
            f"< {MEMORY_GOAL} MB",
            pss < MEMORY_GOAL,
            f"{SETTLE_SECONDS} s after the start; RSS, with shared pages again: {rss:.0f} MB",
        ),
    ]


def seconds_to_up(service: Service) -> float:
    """Start the service; return how long it took until /up answered with 200."""
    starter = Thread(target=service.start)
    begun = time.monotonic()
    starter.start()
    while not _is_up(service.url):
        if time.monotonic() - begun > 30:
            raise AssertionError(f"not up:\n{service.log_text[-4000:]}")
        time.sleep(0.005)
    took = time.monotonic() - begun
    starter.join()
    return took


def memory_of(service: Service) -> tuple[float, float]:
    """Return RSS and PSS of master, worker and starter together, in megabytes."""
    found = [process.memory_full_info() for process in own_processes(service)]
    return sum(m.rss for m in found) / MEGABYTE, sum(m.pss for m in found) / MEGABYTE


def _is_up(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    with suppress(OSError), closing(connection):
        connection.request("GET", "/up")
        return connection.getresponse().status == 200
    return False

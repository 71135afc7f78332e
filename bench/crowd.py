"""Follow one log many times; a process of its own, so that only the service is measured.

`python -m bench.crowd HOST PORT PATH KEY COUNT` says "ready" when all are connected, follows until
its standard input ends, then prints {"delays": [percentiles…], "complete": …} for the lines that
`bench.followers` had printed. What comes is only kept while it comes, and looked at in the end.
"""

import asyncio
import json
import re
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator

LINE = re.compile(rb"bench (\d+) (\d+\.\d+) end")


class Follower(asyncio.Protocol):
    """One connection: what came, and when each byte had come."""

    def __init__(self, request: bytes, connected: asyncio.Semaphore) -> None:
        """Ask for the stream as soon as there is a connection."""
        self._request = request
        self._connected = connected
        self.content = bytearray()
        self.ends: list[int] = []
        self.times: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Keep what came and the time."""
        if not self.ends:
            self._connected.release()
        self.content += data
        self.ends.append(len(self.content))
        # The clock of /proc/uptime, which the lines carry.
        self.times.append(time.clock_gettime(time.CLOCK_BOOTTIME))

    def lines(self) -> Iterator[tuple[int, float]]:
        """Give each line's number and how long it took to get here."""
        for match in LINE.finditer(self.content):
            came = self.times[bisect_left(self.ends, match.end())]
            yield int(match[1]), came - float(match[2])


async def _follow(host: str, port: str, path: str, key: str, count: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    connected = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    followers = [Follower(request, connected) for _ in range(int(count))]
    for follower in followers:
        await loop.create_connection(lambda one=follower: one, host, int(port))  # type: ignore[misc]
    for _ in followers:
        await connected.acquire()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(_report(followers)))


def _report(followers: list[Follower]) -> dict[str, object]:
    delays: list[float] = []
    received = []
    for follower in followers:
        found = list(follower.lines())
        received.append([number for number, _ in found])
        delays += [delay for _, delay in found]
    return {"delays": delays, "complete": _complete(received), "lines": len(received[0])}


def _complete(received: list[list[int]]) -> int:
    """Count the followers that got every line once and in order."""
    last = max((numbers[-1] for numbers in received if numbers), default=0)
    return sum(numbers == list(range(1, last + 1)) for numbers in received)


if __name__ == "__main__":
    asyncio.run(_follow(*sys.argv[1:]))

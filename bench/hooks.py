"""Post webhooks at a steady pace; a process of its own, so that only the service is measured.

`python -m bench.hooks` reads {"host", "port", "paths", "body", "signature", "rate", "seconds"} from
standard input, and prints {"delays": […], "statuses": {…}}.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any
from uuid import uuid4

LATE_SECONDS = 15


async def _post(order: dict[str, Any], path: str, due: float) -> tuple[str, float]:
    """Post once on a new connection, as forges do; the time counts from when it was due."""
    body = order["body"]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: {order['signature']}\r\nContent-Length: {len(body)}\r\n"
        f"X-GitHub-Event: push\r\nX-GitHub-Delivery: {uuid4()}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(order["host"], order["port"])
    writer.write((head + body).encode())
    status = (await reader.readline()).split()[1].decode()
    await reader.read()
    took = time.monotonic() - due
    writer.close()
    return status, took


async def _main(order: dict[str, Any]) -> None:
    start = time.monotonic() + 0.1
    posts = []
    for number in range(order["rate"] * order["seconds"]):
        due = start + number / order["rate"]
        await asyncio.sleep(due - time.monotonic())
        path = order["paths"][number % len(order["paths"])]
        posts.append(asyncio.create_task(_post(order, path, due)))
    done, late = await asyncio.wait(posts, timeout=LATE_SECONDS)
    answers = [post.result() for post in done] + [("late", float(LATE_SECONDS)) for _ in late]
    statuses = Counter(status for status, _ in answers)
    print(json.dumps({"delays": [took for _, took in answers], "statuses": statuses}))


if __name__ == "__main__":
    asyncio.run(_main(json.load(sys.stdin)))

"""Server-sent events: how what a follower is sent looks on the wire.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Sequence

from supervisor.runs.followers import Frame
from supervisor.store.words import LineKind

CONTENT_TYPE = "text/event-stream"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would collect lines before it sends them
}
RETRY_MILLISECONDS = 2000
OPENING = f"retry: {RETRY_MILLISECONDS}\n: following\n\n".encode()
HEARTBEAT = b": heartbeat\n\n"
EVENTS: dict[str, str] = {LineKind.OUTPUT: "output", LineKind.ENTRY: "message"}


def events(frames: Sequence[Frame]) -> bytes:
    """Return frames as events; each is formed once, however many follow."""
    return b"".join([frame.formed or _form(frame) for frame in frames])


def closing(reason: str) -> bytes:
    """Return the event that ends a stream."""
    return f'event: close\ndata: {{"reason": "{reason}"}}\n\n'.encode()


def _form(frame: Frame) -> bytes:
    text = f"event: {EVENTS[frame.kind]}\nid: {frame.id}\ndata: {frame.data}\n\n"
    frame.formed = text.encode()
    return frame.formed

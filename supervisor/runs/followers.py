"""Who is woken when something happened: followers of a log, and the runner's threads.

The database is the history; this only wakes, and keeps the newest frames at hand so that many
followers of one run don't each ask the database for the same lines.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import gevent
from gevent.event import Event

RING_BYTES = 512 * 1024
CHUNK_BYTES = 64 * 1024
FORM_BYTES = 32  # about what an event has beside its data


@dataclass(slots=True)
class Frame:
    """A line or an entry, see `models.LineKind`, as JSON on its way to followers."""

    id: int
    kind: str
    data: str
    formed: bytes | None = None
    """The event that whoever sends it made of it, kept for the next follower."""


Frames = list[Frame]


class Topic:
    """The newest frames of one stack and those who follow it."""

    def __init__(self) -> None:
        self.followers: set[Follower] = set()
        self.floor: int | None = None
        self.forgotten = 0
        self.frames: Frames = []
        self.ids: list[int] = []
        self.ends: list[int] = []  # how many bytes there were in all up to the end of each

    def add(self, frames: Frames) -> None:
        """Append frames, newest last, and forget the oldest beyond the limit."""
        if self.floor is None:
            self.floor = frames[0].id - 1
        end = self.ends[-1] if self.ends else self.forgotten
        for frame in frames:
            end += len(frame.data) + FORM_BYTES
            self.ends.append(end)
        self.frames += frames
        self.ids += [frame.id for frame in frames]
        if end - self.forgotten > RING_BYTES:
            surplus = bisect_left(self.ends, end - RING_BYTES) + 1
            self.floor, self.forgotten = self.ids[surplus - 1], self.ends[surplus - 1]
            del self.frames[:surplus], self.ids[:surplus], self.ends[:surplus]

    def after(self, number: int) -> Frames | None:
        """Return the next frames after that one; None where they are not all at hand."""
        if self.floor is None or number < self.floor:
            return None
        start = bisect_right(self.ids, number)
        begin = self.ends[start - 1] if start else self.forgotten
        return self.frames[start : bisect_left(self.ends, begin + CHUNK_BYTES, start) + 1]


class Follower:
    """One open stream; lives in a greenlet, is woken from any thread."""

    def __init__(self, topic: Topic, lock: threading.Lock) -> None:
        self._topic = topic
        self._lock = lock
        self._woken = Event()
        self.loop = gevent.get_hub().loop
        self.greenlet = gevent.getcurrent()
        self.closed: str | None = None

    def after(self, number: int) -> Frames | None:
        """Return frames at hand after that one, see `Topic.after`."""
        with self._lock:
            return self._topic.after(number)

    def wait(self, seconds: float) -> bool:
        """Wait for news; False when none came in time."""
        news = bool(self._woken.wait(seconds))
        self._woken.clear()
        return news

    def wake(self) -> None:
        """Wake it; only from its own hub's thread."""
        self._woken.set()


class Broker:
    """Bring frames from the threads that made them to the greenlets that send them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[int, Topic] = {}
        self._stopped: str | None = None
        self._count = 0

    @contextmanager
    def follow(self, stack_id: int) -> Iterator[Follower]:
        """Give a follower of the stack's log, and forget it at the end."""
        with self._lock:
            topic = self._topics.setdefault(stack_id, Topic())
            follower = Follower(topic, self._lock)
            follower.closed = self._stopped
            topic.followers.add(follower)
            self._count += 1
        try:
            yield follower
        finally:
            with self._lock:
                self._count -= 1
                topic.followers.discard(follower)
                if not topic.followers and self._topics.get(stack_id) is topic:
                    del self._topics[stack_id]

    @property
    def count(self) -> int:
        """Return how many follow at present."""
        return self._count

    def publish(self, stack_id: int, frames: Frames) -> None:
        """Hand over frames that are stored already; costs nothing where nobody follows."""
        with self._lock:
            topic = self._topics.get(stack_id)
            if topic and frames:
                topic.add(frames)
                self._wake(list(topic.followers))

    def close(self, stack_id: int, reason: str) -> None:
        """End the streams of a stack with a reason."""
        with self._lock:
            topic = self._topics.get(stack_id)
            if topic:
                self._end(topic, reason)

    def stop(self, reason: str) -> None:
        """End every stream, and each that is opened later."""
        with self._lock:
            self._stopped = reason
            for topic in self._topics.values():
                self._end(topic, reason)

    def drop(self) -> None:
        """Cut off the followers that don't take the end of their stream; from the hub's thread."""
        with self._lock:
            left = [follower for topic in self._topics.values() for follower in topic.followers]
        for follower in left:
            if isinstance(follower.greenlet, gevent.Greenlet):
                follower.greenlet.kill(block=False)

    def _end(self, topic: Topic, reason: str) -> None:
        for follower in topic.followers:
            follower.closed = reason
        self._wake(list(topic.followers))

    def _wake(self, followers: list[Follower]) -> None:
        for loop in {follower.loop for follower in followers}:
            own = [follower for follower in followers if follower.loop is loop]
            loop.run_callback_threadsafe(_wake_all, own)


def _wake_all(followers: list[Follower]) -> None:
    for follower in followers:
        follower.wake()


broker = Broker()

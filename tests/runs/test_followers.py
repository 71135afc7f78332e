"""The newest frames of a stack, which many followers share."""

import pytest

from supervisor.runs.followers import CHUNK_BYTES, RING_BYTES, Frame, Topic
from supervisor.store.words import LineKind


def frames(numbers: range, size: int = 100) -> list[Frame]:
    return [Frame(number, LineKind.OUTPUT, f"{number:0{size}d}") for number in numbers]


def ids(found: list[Frame] | None) -> list[int]:
    assert found is not None
    return [frame.id for frame in found]


def everything_after(topic: Topic, number: int) -> list[int]:
    found: list[int] = []
    while more := ids(topic.after(found[-1] if found else number)):
        found += more
    return found


def test_nothing_is_at_hand_before_something_was_published() -> None:
    assert Topic().after(0) is None


def test_what_is_older_than_the_first_frame_is_not_at_hand() -> None:
    topic = Topic()
    topic.add(frames(range(10, 13)))
    assert topic.after(8) is None
    assert ids(topic.after(9)) == [10, 11, 12]
    assert ids(topic.after(11)) == [12]
    assert ids(topic.after(12)) == []


def test_ids_of_other_stacks_lie_in_between() -> None:
    topic = Topic()
    topic.add(frames(range(10, 20, 3)))
    topic.add(frames(range(30, 40, 3)))
    assert ids(topic.after(14)) == [16, 19, 30, 33, 36, 39]


@pytest.mark.parametrize("size", [1, 100, 1000, CHUNK_BYTES, RING_BYTES])
def test_frames_come_in_chunks_and_none_is_left_out(size: int) -> None:
    topic = Topic()
    topic.add(frames(range(1, 4), size))
    topic.add(frames(range(4, 400), size))
    assert topic.floor is not None
    assert everything_after(topic, topic.floor) == list(range(topic.floor + 1, 400))
    found = topic.after(topic.floor)
    assert found is not None
    # One more frame would have begun beyond the limit.
    assert sum(len(frame.data) for frame in found[:-1]) <= CHUNK_BYTES


def test_only_the_newest_are_kept() -> None:
    topic = Topic()
    for start in range(1, 20_001, 100):
        topic.add(frames(range(start, start + 100)))
    assert topic.floor is not None
    assert ids(topic.frames) == list(range(topic.floor + 1, 20_001))
    kept = sum(len(frame.data) for frame in topic.frames)
    assert 0.7 * RING_BYTES < kept <= RING_BYTES
    assert topic.after(topic.floor - 1) is None


def test_a_frame_that_is_larger_than_all_room_is_read_from_the_database() -> None:
    topic = Topic()
    topic.add(frames(range(1, 2), RING_BYTES))
    assert topic.frames == []
    assert topic.after(0) is None
    assert ids(topic.after(1)) == []
    topic.add(frames(range(2, 4)))
    assert ids(topic.after(1)) == [2, 3]

"""Server-sent events, byte by byte."""

from supervisor.api import sse
from supervisor.runs.followers import Frame
from supervisor.store.words import LineKind


def test_frames_are_events_with_their_ids() -> None:
    frames = [Frame(7, LineKind.OUTPUT, '{"a": 1}'), Frame(9, LineKind.ENTRY, '{"b": 2}')]
    assert sse.events(frames) == (
        b'event: output\nid: 7\ndata: {"a": 1}\n\nevent: message\nid: 9\ndata: {"b": 2}\n\n'
    )


def test_the_rest_of_a_stream() -> None:
    assert sse.OPENING == b"retry: 2000\n: following\n\n"
    assert sse.HEARTBEAT == b": heartbeat\n\n"
    assert sse.closing("shutdown") == b'event: close\ndata: {"reason": "shutdown"}\n\n'


def test_a_frame_is_formed_once_for_all_followers() -> None:
    frame = Frame(7, LineKind.OUTPUT, "{}")
    first = sse.events([frame])
    formed = frame.formed
    assert formed == first
    assert sse.events([frame]) == first
    assert frame.formed is formed

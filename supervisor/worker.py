"""The gunicorn worker: greenlets for HTTP, real threads for everything that blocks."""

import resource
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import gevent
from gevent import monkey, socket
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from supervisor.logs.context import is_stranger
from supervisor.network.waiting import waiting
from supervisor.runs.followers import broker

OPEN_FILES = 16_384
SLOW_READER_SECONDS = 3
SWITCH_SECONDS = 0.001
UNREAD_SECONDS = 2
# 1 KiB in chunks of one byte each takes 5 ms to read; of a known length gunicorn reads ahead up to
# 1 MiB, and each piece costs a copy of that.
CHUNKED_PIECE_BYTES = 1024
PIECE_BYTES = 64 * 1024


class FairReader:
    """Reads a body in pieces, and lets other greenlets run before each.

    gevent itself lets them run only where a read has to wait, and a flood never has to:
    https://github.com/gevent/gevent/issues/1741
    """

    def __init__(self, reader: ChunkedReader | LengthReader) -> None:
        self._reader = reader
        self._most = PIECE_BYTES if isinstance(reader, LengthReader) else CHUNKED_PIECE_BYTES

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end."""
        gevent.sleep(0)
        piece: bytes = self._reader.read(min(size, self._most))
        return piece


class Worker(GeventWorker):
    """Patch sockets only.

    With threads, processes and files patched, the first command run through `sh` hangs the
    worker: `os.close` waits on the hub in the forked child (measured with gevent 26.9, sh 2.4;
    https://github.com/amoffat/sh/issues/208 has another case of it).
    """

    def patch(self) -> None:
        """Make what waits on the network a greenlet, leave threads and processes real.

        https://www.gevent.org/api/gevent.monkey.html#gevent.monkey.patch_all
        """
        # A request changes threads four times; each change may wait so long for a busy thread.
        # https://docs.python.org/3/library/sys.html#sys.setswitchinterval
        sys.setswitchinterval(SWITCH_SECONDS)
        monkey.patch_all(
            os=False,
            thread=False,
            select=False,
            subprocess=False,
            signal=False,
            queue=False,
            time=False,  # a patched sleep would give each real thread a hub of its own
        )
        self.sockets: list[socket.socket] = [
            socket.socket(s.FAMILY, socket.SOCK_STREAM, fileno=s.sock.detach())
            for s in self.sockets
        ]

    def init_process(self) -> None:
        """Allow as many open files as connections need; commands keep the usual limit.

        Their starter was forked before, see post_fork.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
        if soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection; whoever it is has shown no key yet."""
        is_stranger.set(True)
        waiting.add(client, addr[0] if addr else "")
        try:
            super().handle(listener, client, addr)
        finally:
            waiting.remove(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer, then read what the view left of the body: a reset would take the answer away.

        gunicorn itself would read without an end on a connection that stays open, and nothing on
        one that it closes: https://github.com/benoitc/gunicorn/issues/3334
        https://www.rfc-editor.org/rfc/rfc9112#section-9.6
        """
        closing = False
        waiting.remove(sock)
        req.body.reader = FairReader(req.body.reader)
        try:
            super().handle_request(listener_name, req, sock, addr)
        except (StopIteration, TimeoutError):  # the latter is a client that takes nothing
            closing = True
        sock.settimeout(None)
        is_stranger.set(True)
        if not _read_rest(req.body) or closing:
            raise StopIteration

    def handle_exit(self, sig: int, frame: FrameType | None) -> Any:
        """Begin to stop at once: gunicorn first waits for requests, and streams never end.

        https://docs.gunicorn.org/en/stable/settings.html#graceful-timeout
        """
        gevent.spawn(self._wind_up)
        return super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> Any:
        """Treat Ctrl-C like SIGTERM; gunicorn itself would end at once.

        https://docs.gunicorn.org/en/stable/signals.html
        """
        return self.handle_exit(sig, frame)

    def _wind_up(self) -> None:
        # Only here: gunicorn's master imports this module, and stays small without the service.
        from supervisor import service  # noqa: PLC0415

        gevent.get_hub().threadpool.spawn(service.stop, self.wsgi)
        broker.stop("shutdown")
        gevent.sleep(SLOW_READER_SECONDS)
        broker.drop()


def _read_rest(body: Body) -> bool:
    """Read a body to its end; return whether there was one, and soon."""
    with suppress(ParseException, OSError), gevent.Timeout(UNREAD_SECONDS, False):
        while body.read(PIECE_BYTES):
            pass
        return not body.failed
    return False

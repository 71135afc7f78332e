"""The gunicorn worker: greenlets for HTTP, real threads for everything that blocks."""

import sys
from types import FrameType
from typing import Any

import gevent
from gevent import monkey, socket
from gunicorn.workers.ggevent import GeventWorker

from supervisor.events import broker

SLOW_READER_SECONDS = 3
SWITCH_SECONDS = 0.001
UNREAD_SECONDS = 2
PIECE_BYTES = 64 * 1024


class Worker(GeventWorker):
    """Patch sockets only.

    With threads, processes and files patched, the first command run through `sh` hangs the
    worker: `os.close` waits on the hub in the forked child (measured with gevent 26.9, sh 2.4).
    """

    def patch(self) -> None:
        """Make what waits on the network a greenlet, leave threads and processes real."""
        # A request changes threads four times; each change may wait so long for busy ones.
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

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer, then read what nobody wanted of the body: a reset would take the answer away.

        gunicorn itself reads on without an end, in pieces of 1 KiB that cost as much as all that has
        arrived, and lets no other greenlet run: two uploads from strangers stopped everything.
        """
        closing = False
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            closing = True
        with gevent.Timeout(UNREAD_SECONDS, False):
            while req.body.read(PIECE_BYTES):
                gevent.sleep(0)
            if not closing:
                return
        raise StopIteration

    def handle_exit(self, sig: int, frame: FrameType | None) -> Any:
        """Begin to stop at once: gunicorn first waits for requests, and streams never end."""
        gevent.spawn(self._wind_up)
        return super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> Any:
        """Treat Ctrl-C like SIGTERM."""
        return self.handle_exit(sig, frame)

    def _wind_up(self) -> None:
        # Only here: gunicorn's master imports this module, and stays small without the service.
        from supervisor import service  # noqa: PLC0415

        gevent.get_hub().threadpool.spawn(service.stop, self.wsgi)
        broker.stop("shutdown")
        gevent.sleep(SLOW_READER_SECONDS)
        broker.drop()

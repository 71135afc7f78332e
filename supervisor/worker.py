"""The gunicorn worker: greenlets for HTTP, real threads for everything that blocks."""

from types import FrameType
from typing import Any

import gevent
from gevent import monkey, socket
from gunicorn.workers.ggevent import GeventWorker

from supervisor.events import broker


class Worker(GeventWorker):
    """Patch sockets only.

    With threads, processes and files patched, the first command run through `sh` hangs the
    worker: `os.close` waits on the hub in the forked child (measured with gevent 26.9, sh 2.4).
    """

    def patch(self) -> None:
        """Make what waits on the network a greenlet, leave threads and processes real."""
        monkey.patch_all(
            os=False, thread=False, select=False, subprocess=False, signal=False, queue=False
        )
        self.sockets: list[socket.socket] = [
            socket.socket(s.FAMILY, socket.SOCK_STREAM, fileno=s.sock.detach())
            for s in self.sockets
        ]

    def handle_exit(self, sig: int, frame: FrameType | None) -> Any:
        """End the open streams first: gunicorn waits for requests, and they never end."""
        gevent.spawn(broker.stop, "shutdown")
        return super().handle_exit(sig, frame)

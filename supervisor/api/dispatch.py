"""How a request meets threads.

The greenlet does what waits on the network: it reads the body and sends the answer. The view
runs in a real thread, so that neither SQLite nor a lock ever stops the other greenlets.
"""

from contextvars import copy_context
from typing import Any

from flask import Flask, request
from gevent.threadpool import ThreadPool

THREADS = 16  # for requests that read; as many for those that write and may wait for each other
READING = ("GET", "HEAD", "OPTIONS")


class ThreadedFlask(Flask):
    """A Flask whose views run in real threads."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False
        self.json.sort_keys = False  # type: ignore[attr-defined]
        self._pools: dict[bool, ThreadPool] = {}

    def dispatch_request(self) -> Any:
        """Run the view in a thread with this request's context, wait in the greenlet."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        writes = request.method not in READING
        if writes not in self._pools:
            self._pools[writes] = ThreadPool(THREADS)
        return self._pools[writes].apply(copy_context().run, (self._dispatch_here,))

    def _dispatch_here(self) -> Any:
        """Run the view; errors become answers here, or gevent would print them as its own.

        https://github.com/gevent/gevent/issues/617
        """
        try:
            return super().dispatch_request()
        except Exception as error:  # noqa: BLE001 (every error becomes an answer)
            return self.handle_user_exception(error)

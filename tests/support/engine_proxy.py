"""A socket before the engine's, for one service: what comes through it can be cut off at will."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self


class EngineProxy:
    """Passes on bytes between a service and the engine; every fault is the service's alone."""

    def __init__(self, folder: Path) -> None:
        """Listen in a folder."""
        address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        self._engine = address.removeprefix("unix://")
        self._path = folder / "engine.sock"
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.delay = threading.Event()  # while it is set, what arrives is kept back
        self._closed = threading.Event()
        self._listener: socket.socket | None = None
        self.restore()

    @property
    def address(self) -> str:
        """Return what DOCKER_HOST has to be."""
        return f"unix://{self._path}"

    def __enter__(self) -> Self:
        """Serve for the length of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop serving."""
        self._closed.set()
        self.cut()

    def restore(self) -> None:
        """Let connections through again."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection off and refuse new ones, as an engine that goes down does."""
        if self._listener:
            # Closing alone would not wake the thread that waits in accept.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.blink()

    def blink(self) -> None:
        """Break every connection off, but take new ones."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._engine)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while self.delay.is_set() and not self._closed.wait(0.05):
                    pass
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        with self._lock:
            # The one that ends last closes both.
            if source in self._open:
                self._open.discard(source)
            if target not in self._open:
                source.close()
                target.close()

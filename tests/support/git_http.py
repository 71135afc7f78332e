"""A git server over HTTP, with basic authentication and faults at will."""

import base64
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


@dataclass
class Faults:
    """What goes wrong with the next requests; everything is well by default."""

    status: int | None = None  # answer with this status
    stall: bool = False  # take the request, never answer
    reset: bool = False  # take the request, break the connection off
    trickle: bool = False  # answer with a byte a second


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    path: str
    authorization: str | None


@dataclass
class GitServer:
    """Serves the repositories below a folder by `git http-backend`, to one user."""

    folder: Path
    username: str = "git"
    password: str = "s3cret-t0ken"
    anonymous: bool = False  # answer also who brings no credentials
    certificate: Path | None = None  # a file with a key and a certificate, to serve HTTPS
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start to serve, on a port of its own."""
        self.closed = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve for the length of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop serving."""
        self.close()

    def close(self) -> None:
        """Stop serving, and let go of stalled requests."""
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def url(self, repository: Path) -> str:
        """Return the address of a repository below the folder."""
        scheme = "https" if self.certificate else "http"
        where = repository.relative_to(self.folder)
        return f"{scheme}://127.0.0.1:{self._http.server_port}/{where}"

    def accepts(self, authorization: str | None) -> bool:
        """Tell whether these are the right credentials."""
        if self.anonymous and authorization is None:
            return True
        pair = f"{self.username}:{self.password}".encode()
        return authorization == "Basic " + base64.b64encode(pair).decode()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Keep the tests' output clean: who doesn't trust us hangs up."""
        if not isinstance(sys.exception(), ssl.SSLError | ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"git": server})


class _Handler(BaseHTTPRequestHandler):
    git: GitServer

    def do_GET(self) -> None:
        """Answer a GET as any other method."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST as any other method."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the tests' output clean."""

    def _answer(self) -> None:
        authorization = self.headers.get("Authorization")
        self.git.requests.append(Request(self.command, self.path, authorization))
        faults = self.git.faults
        if faults.stall:
            self.git.closed.wait()
        elif faults.reset:
            self._break_off()
        elif faults.status:
            self._refuse(faults.status)
        elif not self.git.accepts(authorization):
            self._refuse(401)
        elif "/info/lfs/" in self.path:
            self._large_files()
        else:
            self._run_backend()

    def _break_off(self) -> None:
        # Closing with nothing to linger for sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _run_backend(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=self._cgi(),
            check=False,
            capture_output=True,
            timeout=60,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self._send(content)

    def _large_files(self) -> None:
        """Speak Git LFS: tell where files are, or send one, from the repository's own store."""
        repository, _, what = self.path.partition(".git/info/lfs/")
        folder = self.git.folder / repository.strip("/")
        if what == "objects/batch":
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["objects"]
            base = f"{self.git.url(folder)}.git/info/lfs"
            given = {"Authorization": self.headers["Authorization"] or ""}
            found = [each | _action(folder, each["oid"], base, given) for each in asked]
            content = json.dumps({"transfer": "basic", "objects": found}).encode()
        else:
            content = _large_file(folder, what).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.git-lfs+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send(self, content: bytes) -> None:
        if not self.git.faults.trickle:
            self.wfile.write(content)
            return
        for position in range(len(content)):
            self.wfile.write(content[position : position + 1])
            if self.git.closed.wait(1):
                return

    def _cgi(self) -> dict[str, str]:
        address = urlsplit(self.path)
        return {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.git.folder),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": self.git.username,
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": address.path,
            "QUERY_STRING": address.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }


def _large_file(repository: Path, digest: str) -> Path:
    return repository / ".git/lfs/objects" / digest[:2] / digest[2:4] / digest


def _action(repository: Path, digest: str, base: str, header: dict[str, str]) -> dict[str, object]:
    if not _large_file(repository, digest).exists():
        return {"error": {"code": 404, "message": "Object does not exist"}}
    return {"actions": {"download": {"href": f"{base}/{digest}", "header": header}}}

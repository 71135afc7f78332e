"""An image registry that wants a login, on the loopback interface: there it needs no TLS."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def basic(username: str, password: str) -> str:
    """Return a login as it is in a header, and in Docker's config.json."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


class Registry:
    """Has one image, for one user. `logins` are those that were tried, in order."""

    def __init__(self, image: str, username: str = "ada", password: str = "pass-w0rd") -> None:
        """Take an image of the engine, start to serve it."""
        self.login = basic(username, password)
        self.logins: list[str | None] = []
        self.blobs: dict[str, tuple[str, bytes]] = {}
        self.manifest = self._take(image)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve for the length of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Return the registry's name, as it is in an image's."""
        return f"127.0.0.1:{self._http.server_port}"

    def _take(self, image: str) -> bytes:
        saved = subprocess.run(["docker", "save", image], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:

            def member(name: str) -> bytes:
                file = archive.extractfile(name)
                assert file
                return file.read()

            (content,) = json.loads(member("manifest.json"))
            config = self._blob(CONFIG, member(content["Config"]))
            layers = [self._blob(LAYER, member(name)) for name in content["Layers"]]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return json.dumps(manifest).encode()

    def _blob(self, kind: str, content: bytes) -> dict[str, Any]:
        name = digest(content)
        self.blobs[name] = kind, content
        return {"mediaType": kind, "size": len(content), "digest": name}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return what is at a path: its type and content."""
        if path == "/v2/":
            return "application/json", b"{}"
        if "/manifests/" in path:
            return MANIFEST, self.manifest
        return self.blobs.get(path.rpartition("/")[2])


def digest(content: bytes) -> str:
    """Return the name of a content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"registry": registry})


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_GET(self) -> None:
        """Give what is asked for to whoever has the login."""
        login = self.headers.get("Authorization")
        self.registry.logins.append(login.removeprefix("Basic ") if login else None)
        found = self.registry.answer(self.path)
        if login != f"Basic {self.registry.login}":
            message = {"code": "UNAUTHORIZED", "message": "authentication required"}
            self._send(401, "application/json", json.dumps({"errors": [message]}).encode())
        elif found:
            self._send(200, *found)
        else:
            self._send(404, "application/json", b"{}")

    def do_HEAD(self) -> None:
        """Give the same without its content."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the tests' output clean."""

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        self.send_header("Docker-Content-Digest", digest(content))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

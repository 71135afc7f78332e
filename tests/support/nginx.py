"""Debian's nginx with the configuration of examples/nginx, at other ports and paths."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.support import ROOT
from tests.support.packages import have
from tests.support.ports import free_port
from tests.support.waiting import wait_until

NAME = "supervisor.example.org"
EXAMPLE = ROOT / "examples/nginx/supervisor.conf"
MAIN = """\
{user}
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    include {folder}/supervisor.conf;
}}
"""


class Nginx:
    """nginx before a service; `curl` asks through it, by TLS unless told otherwise."""

    def __init__(self, folder: Path, service_url: str) -> None:
        """Make a certificate and the configuration, start to serve."""
        self._nginx = have("nginx", "nginx-light")
        for program in ("curl", "openssl"):
            have(program)
        folder.mkdir()
        self._folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self._make_certificate()
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
        (folder / "supervisor.conf").write_text(self._example(service_url))
        self._start()

    def __enter__(self) -> Self:
        """Serve for the length of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop serving."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def curl(self, *arguments: str, plain: bool = False) -> list[str]:
        """Return a command line of curl; the last argument is the path."""
        *options, path = arguments
        scheme, port = ("http", self.plain_port) if plain else ("https", self.port)
        known = ["--cacert", f"{self._folder}/fullchain.pem", "--noproxy", "*"]
        place = ["--resolve", f"{NAME}:{port}:127.0.0.1", f"{scheme}://{NAME}:{port}{path}"]
        return ["curl", "--silent", "--show-error", *known, *options, *place]

    def _make_certificate(self) -> None:
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
        name = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        files = ["-keyout", self._folder / "privkey.pem", "-out", self._folder / "fullchain.pem"]
        command = ["openssl", "req", "-x509", *kind, *name, *files]
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    def _example(self, service_url: str) -> str:
        """Return the example's text, changed as its README says for a host without containers."""
        text = EXAMPLE.read_text()
        for old, new in {
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "/etc/nginx/certificates": str(self._folder),
            "resolver 127.0.0.11 valid=5s;": "",
            "http://supervisor:3000": service_url,
        }.items():
            assert text.count(old) > 0, old
            text = text.replace(old, new)
        return text

    def _start(self) -> None:
        log = self._folder / "error.log"
        place = ["-p", self._folder, "-c", self._folder / "nginx.conf", "-e", log]
        self._process = subprocess.Popen(
            [self._nginx, *place, "-g", "daemon off;"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

        def answers() -> bool:
            assert self._process.poll() is None, log.read_text()
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(answers, "nginx answers", seconds=10)

"""A certificate authority of a test's own."""

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates for servers on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        """Make the authority's own certificate."""
        self._folder = folder
        folder.mkdir()
        self.certificate = folder / "authority.pem"
        self._sign("authority", "/CN=Test authority", "basicConstraints=critical,CA:TRUE")

    def certify(self, name: str = "IP:127.0.0.1") -> Path:
        """Return a file with a key and a certificate for a name, such as `DNS:git.example.org`."""
        signer = ["-CA", self.certificate, "-CAkey", self._folder / "authority.key"]
        self._sign("server", "/CN=Test server", f"subjectAltName={name}", *signer)
        both = self._folder / "both.pem"
        parts = [self._folder / "server.key", self._folder / "server.pem"]
        both.write_text("".join(part.read_text() for part in parts))
        return both

    def _sign(self, name: str, subject: str, extension: str, *signer: str | Path) -> None:
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        what = ["-subj", subject, "-addext", extension, *signer]
        files = ["-keyout", self._folder / f"{name}.key", "-out", self._folder / f"{name}.pem"]
        subprocess.run([*make, *what, *files], check=True, capture_output=True, timeout=30)

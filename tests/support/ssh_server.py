"""A real sshd on the loopback interface, for this user and the keys that it made."""

import getpass
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.support.packages import have
from tests.support.ports import free_port
from tests.support.waiting import wait_until


def make_key(path: Path, *options: str) -> str:
    """Make a key pair; return the private half."""
    path.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", *options, "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return path.read_text()


def public_half(path: Path) -> str:
    """Return the public half of a key pair: its type and the key."""
    return " ".join(path.with_name(f"{path.name}.pub").read_text().split()[:2])


class SshServer:
    """Runs what git asks for, for whoever has the client's key."""

    def __init__(self, folder: Path, commands: Path | None = None) -> None:
        """Make the keys, start to serve; `commands` has more that may be asked for."""
        self._sshd = have("sshd", "openssh-server")
        have("ssh", "openssh-client")
        self.folder, self.port = folder, free_port()
        self._path = f"{commands}:/usr/bin:/bin" if commands else "/usr/bin:/bin"
        folder.mkdir()
        self.client_key = make_key(folder / "client")
        (folder / "authorized").write_text(public_half(folder / "client") + "\n")
        make_key(folder / "host")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # root's sshd locks its children up there
        self._start()

    def __enter__(self) -> Self:
        """Serve for the length of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop serving."""
        self.close()

    def url(self, repository: Path) -> str:
        """Return the address of a repository anywhere on this machine."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository}"

    @property
    def known_hosts(self) -> str:
        """Return the line of a known_hosts file by which the server is known now."""
        return f"[127.0.0.1]:{self.port} {public_half(self.folder / 'host')}\n"

    @property
    def fingerprint(self) -> str:
        """Return what ssh calls the server's present key."""
        command = ["ssh-keygen", "-l", "-f", str(self.folder / "host.pub")]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=30
        ).stdout.split()[1]

    def change_host_key(self) -> None:
        """Serve with another key from now on."""
        self.close()
        make_key(self.folder / "host")
        self._start()

    def close(self) -> None:
        """Stop serving."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def _start(self) -> None:
        options = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": self.folder / "host",
            "AuthorizedKeysFile": self.folder / "authorized",
            "AuthenticationMethods": "publickey",
            "PidFile": "none",
            "SetEnv": f"PATH={self._path}",
            "StrictModes": "no",
            "UsePAM": "no",
        }
        (self.folder / "config").write_text("".join(f"{k} {v}\n" for k, v in options.items()))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._sshd, "-D", "-e", "-f", str(self.folder / "config")],
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers, "sshd answers", seconds=10)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

"""What is taken as an SSH key and as known hosts, and how they are kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from supervisor.stacks import vault
from supervisor.stacks.catalogue import find
from tests.support.api import Api, stack_fields
from tests.support.ssh_server import make_key, public_half

NO_KEY = "is not a private key in OpenSSH's or PEM form"
NO_HOST = "line {} is not one of a known_hosts file: HOST TYPE KEY, as ssh-keyscan prints it"


def refused(api: Api, **fields: object) -> dict[str, list[str]]:
    answer = api.client.post("/stacks", json=stack_fields(**fields))
    assert answer.status_code == 422
    found: dict[str, list[str]] = answer.get_json()["error"]
    return found


def kept_key(api: Api, uuid: str) -> str | None:
    with api.app.app_context():
        return vault.secrets_of(find(uuid)).git_ssh_key


def test_a_key_is_masked_sealed_and_kept_in_a_form_that_ssh_reads(api: Api, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    carelessly = "\r\n" + key.strip().replace("\n", "\r\n")
    stack = api.create(name="ssh", git_ssh_key=carelessly)
    assert stack["git_ssh_key"] == "********"
    assert kept_key(api, stack["uuid"]) == key
    with closing(sqlite3.connect(api.storage / "supervisor.db")) as database:
        row = repr(database.execute("SELECT * FROM stacks").fetchall())
    assert not any(line in row for line in key.splitlines())

    unchanged = api.client.put(f"/stacks/{stack['uuid']}", json=stack)
    assert "Location" not in unchanged.headers
    assert kept_key(api, stack["uuid"]) == key
    gone = api.client.patch(f"/stacks/{stack['uuid']}", json={"git_ssh_key": None})
    assert gone.get_json()["git_ssh_key"] is None
    assert "/runs/" in gone.headers["Location"]


def test_an_ed25519_key_in_pem_form_becomes_one_that_ssh_reads(api: Api) -> None:
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    stack = api.create(name="pem", git_ssh_key=text)
    assert "OPENSSH PRIVATE KEY" in (kept_key(api, stack["uuid"]) or "")


@pytest.mark.parametrize("form", [(), ("-m", "PEM", "-t", "rsa", "-b", "2048")])
def test_a_key_with_a_passphrase_is_refused(api: Api, tmp_path: Path, form: list[str]) -> None:
    key = make_key(tmp_path / "key", "-N", "secret words", *form)
    (message,) = refused(api, git_ssh_key=key)["git_ssh_key"]
    assert "passphrase" in message


def test_what_is_no_private_key_is_refused(api: Api, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    public = public_half(tmp_path / "key")
    assert refused(api, git_ssh_key=public) == {
        "git_ssh_key": ["is a public key: give the private one"]
    }
    for text in ("x", "********x", key[:100], key.replace("OPENSSH", "RSA"), "-----BEGIN "):
        assert refused(api, git_ssh_key=text) == {"git_ssh_key": [NO_KEY]}
    for value in (5, ["x"], {}, True):
        assert refused(api, git_ssh_key=value) == {"git_ssh_key": ["must be text"]}
    assert "too long" in refused(api, git_ssh_key="x" * 20_000)["git_ssh_key"][0]
    assert "NUL" in refused(api, git_ssh_key=f"{key}\0")["git_ssh_key"][0]
    assert refused(api, git_ssh_key=" \n ") == {"git_ssh_key": ["can't be blank"]}


def test_known_hosts_are_no_secret(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "host")
    public = public_half(tmp_path / "host")
    text = (
        "# the forge\r\n\r\n"
        f"git.example.org,192.0.2.1 {public} a remark\r\n"
        f"[git.example.org]:2222\t{public}\r\n"
        f"|1|c2FsdA==|aGFzaA== {public}\r\n"
        f"@cert-authority *.example.org {public}\r\n"
        f"@revoked * {public}"
    )
    stack = api.create(name="known", git_known_hosts=text)
    assert stack["git_known_hosts"] == text.replace("\r\n", "\n") + "\n"


def test_what_is_no_known_host_is_refused(api: Api, tmp_path: Path) -> None:
    make_key(tmp_path / "host")
    kind, key = public_half(tmp_path / "host").split()
    good = f"h {kind} {key}"
    for line in (
        "h",
        f"h {kind}",
        f"{kind} {key}",
        f"h ssh-rsa {key}",
        f"h {kind} {key[:-3]}!",
        f"@other h {kind} {key}",
        f"{good} \x1b[2J",
        f"{good}\vProxyCommand x",
        "ProxyCommand touch /tmp/x",
    ):
        assert refused(api, git_known_hosts=f"{good}\n{line}\n{good}") == {
            "git_known_hosts": [NO_HOST.format(2)]
        }, line
    assert refused(api, git_known_hosts="# nobody") == {"git_known_hosts": ["names no host"]}

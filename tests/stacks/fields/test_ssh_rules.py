"""What is taken as an SSH key and as known hosts, and how they are kept."""

import base64
import random
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x448, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from marshmallow import ValidationError

from supervisor.stacks import vault
from supervisor.stacks.catalogue import find
from supervisor.stacks.fields.ssh_rules import private_key
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


# What ssh takes


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    text: str = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    return text


def string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def number(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def openssh(kind: bytes, public: bytes, private: bytes) -> str:
    """Return an OpenSSH key as PROTOCOL.key describes it, whatever is in it."""
    body = bytes(8) + string(kind) + private + string(b"")
    body += bytes(range(1, 1 + -len(body) % 8))
    raw = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + (1).to_bytes(4, "big")
    text = base64.encodebytes(raw + string(string(kind) + public) + string(body)).decode()
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n"


def compressed() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    public = string(b"nistp256") + string(point)
    return openssh(
        b"ecdsa-sha2-nistp256", public, public + number(key.private_numbers().private_value)
    )


def large(bits: int) -> str:
    """Return an RSA key whose numbers are only as large as they should be."""
    made = random.Random(bits)
    p, q, d = (made.getrandbits(bits // 2) | 1 | 1 << (bits // 2 - 1) for _ in range(3))
    numbers = (p * q, 65537, d, d, p, q)
    public = number(65537) + number(p * q)
    return openssh(b"ssh-rsa", public, b"".join(map(number, numbers)))


def keys() -> dict[str, str]:
    """Return keys of all kinds, and in all states."""
    found = {
        curve.name: pem(ec.generate_private_key(curve))
        for curve in (
            ec.SECP224R1(),
            ec.SECP256R1(),
            ec.SECP384R1(),
            ec.SECP521R1(),
            ec.SECP256K1(),
        )
    }
    kinds = (ed448.Ed448PrivateKey, x448.X448PrivateKey, x25519.X25519PrivateKey)
    found |= {kind.__name__: pem(kind.generate()) for kind in kinds}
    whole = {
        "rsa": pem(rsa.generate_private_key(65537, 1024), PrivateFormat.TraditionalOpenSSL),
        "openssh": pem(Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH),
    }
    found |= whole | {"compressed": compressed(), "1023 bits": large(1022)}
    found["dsa"] = pem(dsa.generate_private_key(1024))
    for name, text in whole.items():
        first, second, *rest = text.splitlines()
        changed = {
            "blank behind the first line": [f"{first} ", second, *rest],
            "blank behind a line": [first, f"{second} ", *rest],
            "blank before a line": [first, f" {second}", *rest],
            "blank before the last line": [first, second, *rest[:-1], f" {rest[-1]}"],
            "rubbish in a line": [first, f"{second}!", *rest],
            "words before": ["words", first, second, *rest],
            "cut": [first, second],
            "no end": [first, second, *rest[:-1]],
        }
        found |= {f"{name}, {how}": "\n".join(lines) + "\n" for how, lines in changed.items()}
    return found


def ssh_takes(text: str, file: Path) -> bool:
    file.write_text(text)
    file.chmod(0o600)
    command = ["ssh-keygen", "-y", "-P", "", "-f", str(file)]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


KEYS = keys()


@pytest.mark.parametrize("name", KEYS)
def test_what_is_taken_is_what_ssh_takes(tmp_path: Path, name: str) -> None:
    """X448 and a compressed point were answered with 500; P-224 and X25519 were taken."""
    text = KEYS[name]
    try:
        kept = private_key(text)
    except ValidationError:
        # Of this one the library knows less than ssh; it cannot be looked at.
        assert name == "compressed" or not ssh_takes(text, tmp_path / "key")
    else:
        assert ssh_takes(kept, tmp_path / "key")


@pytest.mark.parametrize("bits", [8_192, 16_384])
def test_a_large_key_costs_nothing(bits: int) -> None:
    """To prove that the numbers of such keys are prime took 14 and 91 seconds."""
    text = large(bits)
    begun = time.thread_time()
    assert private_key(text) == text
    assert time.thread_time() - begun < 1


def test_a_key_that_is_too_large_for_ssh_is_refused(tmp_path: Path) -> None:
    text = large(16_390)
    assert not ssh_takes(text, tmp_path / "key")
    with pytest.raises(ValidationError, match="1024 to 16384 bits"):
        private_key(text)


def test_what_the_library_stumbles_over_is_a_refusal(api: Api) -> None:
    assert refused(api, git_ssh_key=compressed()) == {"git_ssh_key": [NO_KEY]}
    (message,) = refused(api, git_ssh_key=pem(x448.X448PrivateKey.generate()))["git_ssh_key"]
    assert message.startswith("is of a kind that ssh does not take")

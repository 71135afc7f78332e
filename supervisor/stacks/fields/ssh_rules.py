"""What a stack's SSH key and known hosts may look like; raises ValidationError like `rules`."""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from marshmallow import ValidationError

PUBLIC = re.compile(r"(ssh-|ecdsa-|sk-)\S+ AAAA")
OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"
# sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
KNOWN_HOST = re.compile(
    r"(?:@(?:cert-authority|revoked)[ \t]+)?[^\s#@]\S*"
    r"[ \t]+([a-z][a-zA-Z0-9@.-]*)[ \t]+([A-Za-z0-9+/]+=*)(?:[ \t].*)?"
)


def private_key(text: str) -> str:
    """Take a private key that ssh can use without asking anybody; return it in a form it reads."""
    if PUBLIC.match(text):
        raise ValidationError("is a public key: give the private one")
    load = load_ssh_private_key if text.startswith(OPENSSH) else load_pem_private_key
    try:
        key = load(text.encode(), None)
    except TypeError:
        raise ValidationError(
            "is protected by a passphrase, which nobody could type: give a key without one"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValidationError("is not a private key in OpenSSH's or PEM form") from None
    if isinstance(key, Ed25519PrivateKey) and load is load_pem_private_key:
        # The one form that is a key for others, but not for ssh.
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return text


def known_hosts(text: str) -> str:
    """Take lines of a known_hosts file."""
    lines = [(number, line.strip(" \t")) for number, line in enumerate(text.split("\n"), start=1)]
    wrong = [number for number, line in lines if not (_is_remark(line) or _is_known_host(line))]
    if wrong:
        raise ValidationError(
            f"line {wrong[0]} is not one of a known_hosts file: HOST TYPE KEY, as ssh-keyscan"
            " prints it"
        )
    if all(_is_remark(line) for _number, line in lines):
        raise ValidationError("names no host")
    return text


def _is_remark(line: str) -> bool:
    return not line or (line.startswith("#") and line.replace("\t", " ").isprintable())


def _is_known_host(line: str) -> bool:
    """Tell whether a line is well-formed; the key repeats its type inside."""
    match = KNOWN_HOST.fullmatch(line)
    if not match or not line.replace("\t", " ").isprintable():
        return False
    kind, key = match.groups()
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    return blob.startswith(len(kind).to_bytes(4, "big") + kind.encode())

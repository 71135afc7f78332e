"""What a stack's SSH key and known hosts may look like; raises ValidationError like `rules`."""

import base64
import binascii
import re
import string
from typing import Any

from cryptography.hazmat.primitives.asymmetric.dsa import DSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
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
END = "-----END"
IN_LINES = frozenset(string.ascii_letters + string.digits + "+/=" + string.whitespace)
# What OpenSSH and OpenSSL take.
RSA_BITS = range(1024, 16384 + 1)
CURVES = ("secp256r1", "secp384r1", "secp521r1")
PSS = bytes.fromhex("06092a864886f70d01010a")  # id-RSASSA-PSS, RFC 8017
# sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
KNOWN_HOST = re.compile(
    r"(?:@(?:cert-authority|revoked)[ \t]+)?[^\s#@]\S*"
    r"[ \t]+([a-z][a-zA-Z0-9@.-]*)[ \t]+([A-Za-z0-9+/]+=*)(?:[ \t].*)?"
)


def private_key(text: str) -> str:
    """Take a private key that ssh can use without asking anybody; return it in a form it reads."""
    if PUBLIC.match(text):
        raise ValidationError("is a public key: give the private one")
    key = _loaded(text)
    if not _is_for_ssh(key, text):
        raise ValidationError(
            "is of a kind that ssh does not take: give an Ed25519 key, an RSA key of 1024 to 16384"
            " bits, or an ECDSA key on the curve nistp256, nistp384 or nistp521"
        )
    if isinstance(key, Ed25519PrivateKey) and not text.startswith(OPENSSH):
        # The one form that is a key for others, but not for ssh.
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return text


def _loaded(text: str) -> Any:
    load = load_ssh_private_key if text.startswith(OPENSSH) else load_pem_private_key
    try:
        if not _is_written_for_ssh(text):
            raise ValueError
        # Whether the numbers belong together, ssh finds out. To prove of large ones that they are
        # prime takes minutes, with the interpreter held.
        return load(text.encode(), None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise ValidationError(
            "is protected by a passphrase, which nobody could type: give a key without one"
        ) from None
    except Exception:  # noqa: BLE001 (the library raises what OpenSSL says, and other things)
        raise ValidationError("is not a private key in OpenSSH's or PEM form") from None


def _is_written_for_ssh(text: str) -> bool:
    """Tell whether the lines are as ssh wants them, which is stricter here than the library.

    https://github.com/openssh/openssh-portable/blob/master/sshkey.c (private2_uudecode)
    """
    if not text.startswith(OPENSSH):
        return not any(line[:1].isspace() and END in line for line in text.split("\n"))
    first, _newline, rest = text.partition("\n")
    inside, _last, _behind = rest.partition(f"\n{END} OPENSSH PRIVATE KEY-----\n")
    return first == OPENSSH and inside != rest and IN_LINES.issuperset(inside)


def _is_for_ssh(key: Any, text: str) -> bool:
    if isinstance(key, RSAPrivateKey):
        return key.key_size in RSA_BITS and not _is_for_pss(text)
    if isinstance(key, EllipticCurvePrivateKey):
        return key.curve.name in CURVES
    return isinstance(key, Ed25519PrivateKey | DSAPrivateKey)


def _is_for_pss(text: str) -> bool:
    """Tell whether an RSA key may sign in another way only than ssh does."""
    _before, _begin, rest = text.partition("-----BEGIN PRIVATE KEY-----")
    try:
        return PSS in base64.b64decode(rest.partition("-----")[0])[:64]
    except binascii.Error:
        return False


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

"""Encryption at rest."""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from supervisor.errors import WrongKey
from supervisor.security.secret import Secret

# The size that NIST recommends for AES-GCM: https://doi.org/10.6028/NIST.SP.800-38D
NONCE_BYTES = 12


class Cipher:
    """Encrypt with AES-256-GCM under a key derived from the secret key base."""

    def __init__(self, secret_key_base: Secret) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"supervisor at rest v1")
        self._key = derive.derive(secret_key_base.reveal().encode())
        self._aead = AESGCM(self._key)

    def key_for(self, owner: str) -> bytes:
        """Return a key of the owner's own, for digests of what must not be guessed."""
        return hmac.digest(self._key, f"digests of {owner}".encode(), "sha256")

    def seal(self, clear: bytes, owner: str) -> bytes:
        """Encrypt; the result opens only with the same owner, so rows can't be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, clear, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """Decrypt what `seal` made; raise WrongKey where key, owner or bytes differ."""
        try:
            nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._aead.decrypt(nonce, body, owner.encode())
        except InvalidTag as error:
            raise WrongKey from error

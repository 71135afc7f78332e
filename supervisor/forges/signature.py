"""Whether a delivery was signed with the stack's secret, in the forms that forges use."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from supervisor.forges.payload import form_payload, is_form

# The form names the digest. SHA-1 is no form, unless a setting allows it.
FORMS = (
    (re.compile(r"sha256=([0-9a-f]{64})\Z"), "sha256"),
    (re.compile(r"sha512=([0-9a-f]{128})\Z"), "sha512"),
    (re.compile(r"([0-9a-f]{64})\Z"), "sha256"),
    (re.compile(r"([0-9a-f]{128})\Z"), "sha512"),
)
SHA1 = (re.compile(r"sha1=([0-9a-f]{40})\Z"), "sha1")
TOKEN = "x-gitlab-token"  # noqa: S105 (a header's name)
STANDARD = "webhook-signature"
BASIC = "authorization"
BASIC_PREFIX = "Basic "
REPLAY_SECONDS = 300
STANDARD_BODY = -1  # where digests are kept: it is signed in another way than the bodies


@dataclass(frozen=True)
class Request:
    """The request that arrived: headers whose names know no case, and the raw body."""

    headers: Mapping[str, str]
    body: bytes
    at: float


def may_be_signed(headers: Mapping[str, str]) -> bool:
    """Tell whether a header has the form of a signature; no secret is needed to see that."""
    for name, value in headers.items():
        known = name.lower()
        if known in (TOKEN, STANDARD) or (known == BASIC and value.startswith(BASIC_PREFIX)):
            return True
        if any(pattern.match(value) for pattern, _digest in (*FORMS, SHA1)):
            return True
    return False


def is_valid(request: Request, header: str, secrets: Sequence[str], *, sha1: bool = False) -> bool:
    """Tell whether the named header proves one of the secrets; an empty secret proves nothing."""
    return Proofs(request, sha1=sha1).hold(header, secrets)


class Proofs:
    """What one request proves: each digest over its body is made once, however many ask for it."""

    def __init__(self, request: Request, *, sha1: bool = False) -> None:
        self._request = request
        self._forms = (*FORMS, SHA1) if sha1 else FORMS
        self._digests: dict[tuple[bytes, str, int], bytes] = {}

    def hold(self, header: str, secrets: Sequence[str]) -> bool:
        """Tell whether the named header proves one of the secrets."""
        given, name = self._request.headers.get(header, ""), header.lower()
        return any(self._proves(name, given, secret) for secret in secrets if secret)

    def _proves(self, header: str, given: str, secret: str) -> bool:
        if header == TOKEN:
            return _same(given, secret.encode())
        if header == BASIC:
            return _same(given, BASIC_PREFIX.encode() + base64.b64encode(secret.encode()))
        if header == STANDARD:
            return self._proves_standard(given, secret)
        return any(
            _same(
                match.group(1), self._digest(secret.encode(), digest, number, body).hex().encode()
            )
            for pattern, digest in self._forms
            if (match := pattern.match(given))
            for number, body in enumerate(self._bodies())
        )

    def _digest(self, key: bytes, name: str, number: int, body: bytes) -> bytes:
        known = (key, name, number)
        if known not in self._digests:
            self._digests[known] = hmac.digest(key, body, name)
        return self._digests[known]

    def _bodies(self) -> Iterator[bytes]:
        """Yield what may have been signed: GitHub signs a form, Gitea and its kin the JSON in it.

        https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go
        """
        yield self._request.body
        if self._inside is not None:
            yield self._inside

    @cached_property
    def _inside(self) -> bytes | None:
        return form_payload(self._request.body) if is_form(self._request.headers) else None

    def _proves_standard(self, given: str, secret: str) -> bool:
        """Check GitLab's signing token: Standard Webhooks, with a time that must be near.

        https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944
        https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        """
        if self._standard is None or not given:
            return False
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = secret.encode()
        digest = self._digest(key, "sha256", STANDARD_BODY, self._standard)
        expected = b"v1," + base64.b64encode(digest)
        return any(_same(one, expected) for one in given.split(" ")[:10])

    @cached_property
    def _standard(self) -> bytes | None:
        """What a signing token signs, None where the time is not near."""
        headers = self._request.headers
        delivery, sent = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
        near = re.fullmatch(r"[0-9]{1,12}", sent)
        if not near or abs(self._request.at - int(sent)) > REPLAY_SECONDS:
            return None
        return _bytes(f"{delivery}.{sent}.") + self._request.body


def _same(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(_bytes(given), expected)


def _bytes(header: str) -> bytes:
    """Return a header's bytes as they were sent; the server hands each on as one character.

    https://peps.python.org/pep-3333/#unicode-issues
    """
    return header.encode("latin-1", "replace")

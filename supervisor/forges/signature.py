"""Whether a delivery was signed with the stack's secret, in the forms that forges use."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
REPLAY_SECONDS = 300


@dataclass(frozen=True)
class Request:
    """The request that arrived: headers whose names know no case, and the raw body."""

    headers: Mapping[str, str]
    body: bytes
    at: float


def is_valid(request: Request, header: str, secrets: Sequence[str], *, sha1: bool = False) -> bool:
    """Tell whether the named header proves one of the secrets; an empty secret proves nothing."""
    given, name = request.headers.get(header, ""), header.lower()
    return any(_proves(request, name, given, secret, sha1) for secret in secrets if secret)


def _proves(request: Request, header: str, given: str, secret: str, sha1: bool) -> bool:
    if header == TOKEN:
        return _same(given, secret.encode())
    if header == BASIC:
        return _same(given, b"Basic " + base64.b64encode(secret.encode()))
    if header == STANDARD:
        return _proves_standard(request, given, secret)
    forms = (*FORMS, SHA1) if sha1 else FORMS
    return any(
        _same(match.group(1), hmac.digest(secret.encode(), body, digest).hex().encode())
        for pattern, digest in forms
        if (match := pattern.match(given))
        for body in _signed_bodies(request)
    )


def _signed_bodies(request: Request) -> Iterator[bytes]:
    """Yield what may have been signed: GitHub signs a form, Gitea and its kin the JSON in it.

    https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go
    """
    yield request.body
    if is_form(request.headers):
        payload = form_payload(request.body)
        if payload is not None:
            yield payload


def _proves_standard(request: Request, given: str, secret: str) -> bool:
    """Check GitLab's signing token: Standard Webhooks, with a time that must be near.

    https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    delivery, sent = (request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp"))
    if not re.fullmatch(r"[0-9]{1,12}", sent) or abs(request.at - int(sent)) > REPLAY_SECONDS:
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    signed = _bytes(f"{delivery}.{sent}.") + request.body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    return any(_same(one, expected) for one in given.split(" ")[:10])


def _same(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(_bytes(given), expected)


def _bytes(header: str) -> bytes:
    """Return a header's bytes as they were sent; the server hands each on as one character.

    https://peps.python.org/pep-3333/#unicode-issues
    """
    return header.encode("latin-1", "replace")

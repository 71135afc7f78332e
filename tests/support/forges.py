"""Deliveries as the forges send them: all their headers, and a body in their shape."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlencode
from uuid import uuid4

from werkzeug.datastructures import Headers

from supervisor.forges.signature import Request
from tests.support.service import SIGNATURE_SECRET

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OLD, NEW, ZEROS = "1f" * 20, "2e" * 20, "0" * 40
MAIN, DEV, TAG = "refs/heads/main", "refs/heads/dev", "refs/tags/v1"
REPOSITORY = "https://git.example.org/ada/shop.git"
BASIC_SECRET = "azure:a long password"
TOKEN = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TOKEN_SENT_AT = 1_800_000_000


@dataclass(frozen=True)
class Sent:
    """One call of a forge."""

    headers: dict[str, str]
    body: bytes

    def request(self, at: float = TOKEN_SENT_AT) -> Request:
        """Return it as it arrives: no name of a header knows case."""
        headers = cast(Mapping[str, str], Headers(self.headers))
        return Request(headers, self.body, at)

    def with_headers(self, **headers: str) -> "Sent":
        """Return it with other values for some headers; underscores stand for hyphens."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers=self.headers | given)


def mac(digest: str, body: bytes, secret: str | None = SIGNATURE_SECRET) -> str:
    """Return a digest in hex, an empty one where there is no secret: as Gitea does."""
    return hmac.new(secret.encode(), body, digest).hexdigest() if secret else ""


def encoded(payload: Any, *, form: bool) -> tuple[bytes, bytes, str]:
    """Return the JSON, the body that carries it, and the body's type."""
    text = json.dumps(payload, indent=2).encode()
    return (text, urlencode({"payload": text}).encode(), FORM) if form else (text, text, JSON)


# Bodies


def push(reference: str = MAIN, before: str = OLD, after: str = NEW, **more: Any) -> dict[str, Any]:
    """Return a push in the shape that GitHub, Gitea, Forgejo and Gogs share."""
    return {
        "ref": reference,
        "before": before,
        "after": after,
        "compare_url": "https://git.example.org/ada/shop/compare",
        "commits": [
            {"id": after, "message": "Ünïcode ✓", "added": [], "modified": ["compose.yml"]}
        ],
        "repository": addresses(),
        "pusher": {"name": "ada", "login": "ada", "email": "ada@example.org"},
        "sender": {"login": "ada"},
    } | more


def addresses() -> dict[str, Any]:
    """Return a repository as those four describe it."""
    return {
        "id": 7,
        "full_name": "ada/shop",
        "html_url": "https://git.example.org/ada/shop",
        "clone_url": REPOSITORY,
        "ssh_url": "git@git.example.org:ada/shop.git",
        "default_branch": "main",
    }


def short(reference: str, kind: str) -> dict[str, Any]:
    """Return the body of a `create` or `delete`, which have the short name."""
    return {
        "ref": reference,
        "ref_type": kind,
        "repository": addresses(),
        "sender": {"login": "ada"},
    }


def gitlab_push(
    reference: str = MAIN, before: str = OLD, after: str = NEW, kind: str = "push"
) -> dict[str, Any]:
    """Return a push in GitLab's shape."""
    return {
        "object_kind": kind,
        "event_name": kind,
        "ref": reference,
        "before": before,
        "after": after,
        "checkout_sha": None if after == ZEROS else after,
        "user_username": "ada",
        "project": {
            "path_with_namespace": "ada/shop",
            "git_http_url": REPOSITORY,
            "git_ssh_url": "git@git.example.org:ada/shop.git",
            "default_branch": "main",
        },
        "commits": [],
        "total_commits_count": 0,
    }


def cloud_side(name: str, commit: str = NEW, kind: str = "branch") -> dict[str, Any]:
    """Return one side of a change in Bitbucket Cloud's shape."""
    return {"type": kind, "name": name, "target": {"hash": commit}}


def cloud_push(*changes: tuple[Any, Any]) -> dict[str, Any]:
    """Return a push in Bitbucket Cloud's shape, of pairs of an old and a new side."""
    return {
        "actor": {"display_name": "Ada", "nickname": "ada"},
        "repository": {
            "full_name": "ada/shop",
            "links": {"html": {"href": "https://git.example.org/ada/shop"}},
        },
        "push": {
            "changes": [
                {
                    "old": old,
                    "new": new,
                    "created": old is None,
                    "closed": new is None,
                    "forced": False,
                    "truncated": False,
                }
                for old, new in changes
            ]
        },
    }


def server_push(*changes: tuple[str, str, str]) -> dict[str, Any]:
    """Return a push in Bitbucket Server's shape, of triples of reference, commit and kind."""
    return {
        "eventKey": "repo:refs_changed",
        "date": "2026-01-31T12:00:00+0000",
        "actor": {"name": "ada"},
        "repository": {
            "slug": "shop",
            "links": {
                "clone": [
                    {"href": "ssh://git@git.example.org:7999/ada/shop.git", "name": "ssh"},
                    {"href": REPOSITORY, "name": "http"},
                ]
            },
        },
        "changes": [
            {
                "ref": {"id": reference, "displayId": reference.split("/")[-1], "type": "BRANCH"},
                "refId": reference,
                "fromHash": OLD,
                "toHash": commit,
                "type": kind,
            }
            for reference, commit, kind in changes
        ],
    }


def azure_push(*changes: tuple[str, str], event: str = "git.push") -> dict[str, Any]:
    """Return a push in Azure DevOps' shape, of pairs of reference and commit."""
    return {
        "id": str(uuid4()),
        "eventType": event,
        "publisherId": "tfs",
        "notificationId": 3,
        "resource": {
            "refUpdates": [
                {"name": reference, "oldObjectId": OLD, "newObjectId": commit}
                for reference, commit in changes
            ],
            "pushedBy": {"displayName": "Ada"},
            "repository": {"remoteUrl": REPOSITORY, "defaultBranch": MAIN},
        },
    }


# Calls


def github(
    payload: Any, event: str = "push", *, secret: str | None = SIGNATURE_SECRET, form: bool = False
) -> Sent:
    """Sign the body as it is sent, also a form; where there is no secret there is no signature."""
    _, body, content_type = encoded(payload, form=form)
    signed = {
        "X-Hub-Signature": f"sha1={mac('sha1', body, secret)}",
        "X-Hub-Signature-256": f"sha256={mac('sha256', body, secret)}",
    }
    headers = {
        "Content-Type": content_type,
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid4()),
        "X-GitHub-Hook-ID": "292430182",
    }
    return Sent(headers | (signed if secret else {}), body)


def gitea(
    payload: Any,
    event: str = "push",
    *,
    forge: str = "Gitea",
    secret: str | None = SIGNATURE_SECRET,
    form: bool = False,
) -> Sent:
    """Send the headers of several forges, signed over the JSON; without a secret, empty digests."""
    text, body, content_type = encoded(payload, form=form)
    families = {"Forgejo": ("Forgejo",), "Gitea": ()}[forge] + ("Gitea", "Gogs", "GitHub")
    delivery = str(uuid4())
    headers = {"Content-Type": content_type}
    for family in families:
        headers |= {f"X-{family}-Event": event, f"X-{family}-Event-Type": event}
        headers |= {f"X-{family}-Delivery": delivery}
        if family != "GitHub":
            headers |= {f"X-{family}-Signature": mac("sha256", text, secret)}
    headers |= {
        "X-Hub-Signature": f"sha1={mac('sha1', text, secret)}",
        "X-Hub-Signature-256": f"sha256={mac('sha256', text, secret)}",
    }
    return Sent(headers, body)


def forgejo(payload: Any, event: str = "push", **options: Any) -> Sent:
    """Send what Gitea sends, and Forgejo's own headers."""
    return gitea(payload, event, forge="Forgejo", **options)


def gogs(
    payload: Any, event: str = "push", *, secret: str | None = SIGNATURE_SECRET, form: bool = False
) -> Sent:
    """Send GitHub's event too, but none of its signatures."""
    text, body, content_type = encoded(payload, form=form)
    delivery = str(uuid4())
    headers = {
        "Content-Type": content_type,
        "X-Github-Delivery": delivery,
        "X-Github-Event": event,
        "X-Gogs-Delivery": delivery,
        "X-Gogs-Event": event,
        "X-Gogs-Signature": mac("sha256", text, secret),
    }
    return Sent(headers, body)


def gitlab(
    payload: Any, event: str = "Push Hook", *, secret: str | None = SIGNATURE_SECRET
) -> Sent:
    """Send the secret itself."""
    headers = {
        "Content-Type": JSON,
        "User-Agent": "GitLab/18.9.0",
        "Idempotency-Key": str(uuid4()),
        "X-Gitlab-Event": event,
        "X-Gitlab-Webhook-UUID": str(uuid4()),
        "X-Gitlab-Instance": "https://git.example.org",
    }
    token = {"X-Gitlab-Token": secret} if secret else {}
    return Sent(headers | token, encoded(payload, form=False)[1])


def gitlab_signed(payload: Any, *, token: str = TOKEN, sent_at: int = TOKEN_SENT_AT) -> Sent:
    """Send GitLab's newer signature, made with the key in the token."""
    unsigned = gitlab(payload, secret=None)
    delivery = unsigned.headers["Idempotency-Key"]
    key = base64.b64decode(token.removeprefix("whsec_"))
    signed = f"{delivery}.{sent_at}.".encode() + unsigned.body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return unsigned.with_headers(
        webhook_id=delivery, webhook_timestamp=str(sent_at), webhook_signature=f"v1,{digest}"
    )


def bitbucket(
    payload: Any, event: str = "repo:push", *, secret: str | None = SIGNATURE_SECRET
) -> Sent:
    """Send SHA-256 in the header where GitHub has SHA-1; Cloud and Server name the request."""
    body = encoded(payload, form=False)[1]
    request = {"X-Request-UUID": str(uuid4()), "X-Hook-UUID": str(uuid4()), "X-Attempt-Number": "1"}
    if event != "repo:push":
        request = {"X-Request-Id": str(uuid4())}
    signed = {"X-Hub-Signature": f"sha256={mac('sha256', body, secret)}"} if secret else {}
    return Sent({"Content-Type": JSON, "X-Event-Key": event} | request | signed, body)


def azure(payload: Any, *, secret: str | None = BASIC_SECRET) -> Sent:
    """Send a user and a password."""
    pair = base64.b64encode((secret or "").encode()).decode()
    basic = {"Authorization": f"Basic {pair}"} if secret else {}
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Vss-ActivityId": str(uuid4())}
    return Sent(headers | basic, encoded(payload, form=False)[1])

"""GitHub.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
"""

from collections.abc import Mapping
from typing import Any

from supervisor.forges.payload import header_text, text_of, texts_of
from supervisor.forges.push import Change, Push, is_gone

CLONE_ADDRESSES = (
    ("repository", "clone_url"),
    ("repository", "ssh_url"),
    ("repository", "git_url"),
    ("repository", "html_url"),
)


def speaks(headers: Mapping[str, str], _payload: Mapping[str, Any]) -> bool:
    """Tell whether GitHub sent this."""
    return "X-GitHub-Event" in headers


def read(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push of a branch or a tag, or why there is nothing to do."""
    event = header_text(headers, "X-GitHub-Event") or "?"
    return read_push("github", event, header_text(headers, "X-GitHub-Delivery"), payload)


def read_push(forge: str, event: str, delivery_id: str | None, payload: Mapping[str, Any]) -> Push:
    """Return a delivery in GitHub's shape, which Gitea, Forgejo and Gogs share."""
    who = text_of(payload, "pusher", "name") or text_of(payload, "pusher", "login")
    repositories = texts_of(payload, *CLONE_ADDRESSES)
    changes: tuple[Change, ...] = ()
    nothing = None
    if event == "ping":
        nothing = "pong"
    elif event != "push":
        nothing = f"Nothing to do for the event {event}"
    else:
        changes = _changes(payload)
    return Push(forge, event, delivery_id, who, changes, repositories, nothing)


def _changes(payload: Mapping[str, Any]) -> tuple[Change, ...]:
    reference, commit = text_of(payload, "ref"), text_of(payload, "after")
    if reference is None:
        return ()
    deleted = payload.get("deleted") is True or is_gone(commit)
    return (Change(reference, commit, deleted, payload.get("forced") is True),)

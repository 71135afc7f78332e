"""Gitea and Forgejo: one body, GitHub's shape, with the headers of several forges."""

from collections.abc import Mapping
from typing import Any

from supervisor.forges.github import read_push
from supervisor.forges.payload import header_text
from supervisor.forges.push import Push


def speaks(headers: Mapping[str, str], _payload: Mapping[str, Any]) -> bool:
    """Tell whether Forgejo or Gitea sent this."""
    return "X-Forgejo-Event" in headers or "X-Gitea-Event" in headers


def read(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push of a branch or a tag, or why there is nothing to do."""
    forge = "forgejo" if "X-Forgejo-Event" in headers else "gitea"
    event = header_text(headers, "X-Forgejo-Event", "X-Gitea-Event") or "?"
    delivery_id = header_text(headers, "X-Forgejo-Delivery", "X-Gitea-Delivery")
    return read_push(forge, event, delivery_id, payload)

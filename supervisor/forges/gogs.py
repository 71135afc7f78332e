"""Gogs: sends GitHub's event header too, but none of its signatures.

https://github.com/gogs/gogs/issues/6575
"""

from collections.abc import Mapping
from typing import Any

from supervisor.forges.github import read_push
from supervisor.forges.payload import header_text, text_of
from supervisor.forges.push import Change, Push


def speaks(headers: Mapping[str, str], _payload: Mapping[str, Any]) -> bool:
    """Tell whether Gogs sent this."""
    return "X-Gogs-Event" in headers


def read(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push of a branch, a new tag, or why there is nothing to do."""
    event = header_text(headers, "X-Gogs-Event") or "?"
    delivery_id = header_text(headers, "X-Gogs-Delivery")
    found = read_push("gogs", event, delivery_id, payload)
    # For a new tag Gogs sends `create` alone, with the tag's short name.
    # https://github.com/bitrise-io/bitrise-webhooks/pull/94
    if event == "create" and payload.get("ref_type") == "tag" and text_of(payload, "ref"):
        changes = (Change(f"refs/tags/{text_of(payload, 'ref')}"),)
        return Push("gogs", event, delivery_id, found.who, changes, found.repositories)
    return found

"""Azure DevOps: known by its body; no signature, but basic authentication.

https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks
"""

from collections.abc import Iterator, Mapping
from typing import Any

from supervisor.forges.payload import items_of, text_of, texts_of
from supervisor.forges.push import Change, Push, is_gone

MOST_CHANGES = 1000


def speaks(_headers: Mapping[str, str], payload: Mapping[str, Any]) -> bool:
    """Tell whether Azure DevOps sent this."""
    return text_of(payload, "eventType") is not None and "publisherId" in payload


def read(_headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push with all its references, or why there is nothing to do."""
    event = text_of(payload, "eventType") or "?"
    pushes = event == "git.push"
    return Push(
        "azure",
        event,
        text_of(payload, "id"),
        text_of(payload, "resource", "pushedBy", "displayName"),
        tuple(_changes(payload)) if pushes else (),
        texts_of(payload, ("resource", "repository", "remoteUrl")),
        None if pushes else f"Nothing to do for the event {event}",
    )


def _changes(payload: Mapping[str, Any]) -> Iterator[Change]:
    for update in items_of(payload, "resource", "refUpdates")[:MOST_CHANGES]:
        reference, commit = text_of(update, "name"), text_of(update, "newObjectId")
        if reference:
            yield Change(reference, commit, deleted=is_gone(commit))

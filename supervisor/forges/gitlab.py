"""GitLab.

https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
"""

from collections.abc import Mapping
from typing import Any

from supervisor.forges.payload import header_text, text_of, texts_of
from supervisor.forges.push import Change, Push, is_gone

PUSHES = ("push", "tag_push")
CLONE_ADDRESSES = (
    ("project", "git_http_url"),
    ("project", "git_ssh_url"),
    ("project", "web_url"),
    ("repository", "git_http_url"),
    ("repository", "git_ssh_url"),
)


def speaks(headers: Mapping[str, str], _payload: Mapping[str, Any]) -> bool:
    """Tell whether GitLab sent this."""
    return "X-Gitlab-Event" in headers


def read(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push of a branch or a tag, or why there is nothing to do.

    A template of the user's may have removed any field; the header still names the event.
    https://docs.gitlab.com/user/project/integrations/webhooks/#custom-webhook-template
    """
    event = header_text(headers, "X-Gitlab-Event") or "?"
    kind = text_of(payload, "object_kind") or text_of(payload, "event_name")
    delivery_id = header_text(headers, "Idempotency-Key", "webhook-id", "X-Gitlab-Webhook-UUID")
    pushes = kind in PUSHES or event in ("Push Hook", "Tag Push Hook")
    return Push(
        "gitlab",
        event,
        delivery_id,
        text_of(payload, "user_username") or text_of(payload, "user_name"),
        _changes(payload) if pushes else (),
        texts_of(payload, *CLONE_ADDRESSES),
        None if pushes else f"Nothing to do for the event {event}",
    )


def _changes(payload: Mapping[str, Any]) -> tuple[Change, ...]:
    reference, commit = text_of(payload, "ref"), text_of(payload, "after")
    if reference is None:
        return ()
    return (Change(reference, commit, deleted=is_gone(commit)),)

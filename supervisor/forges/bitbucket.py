"""Bitbucket Cloud and Bitbucket Server (Data Center): several references in one delivery."""

from collections.abc import Iterator, Mapping
from typing import Any

from supervisor.forges.payload import at, header_text, items_of, text_of
from supervisor.forges.push import Change, Push, is_gone

FOLDERS = {"branch": "refs/heads", "named_branch": "refs/heads", "tag": "refs/tags"}
MOST_CHANGES = 1000
# The Server's test button sends this, often without a signature.
# https://github.com/runatlantis/atlantis/issues/474
TEST = "diagnostics:ping"
SIGNATURE = "X-Hub-Signature"


def speaks(headers: Mapping[str, str], _payload: Mapping[str, Any]) -> bool:
    """Tell whether Bitbucket sent this."""
    return "X-Event-Key" in headers


def is_unsigned_test(headers: Mapping[str, str]) -> bool:
    """Tell whether a Server tries the address, without a signature."""
    return headers.get("X-Event-Key") == TEST and not headers.get(SIGNATURE)


def read(headers: Mapping[str, str], payload: Mapping[str, Any]) -> Push:
    """Return a push with all its references, or why there is nothing to do."""
    event = header_text(headers, "X-Event-Key") or "?"
    delivery_id = header_text(headers, "X-Request-UUID", "X-Request-Id")
    who = text_of(payload, "actor", "display_name") or text_of(payload, "actor", "name")
    readers = {"repo:push": _cloud, "repo:refs_changed": _server}
    if event == TEST:
        nothing = "pong"
    elif event not in readers:
        nothing = f"Nothing to do for the event {event}"
    else:
        nothing = None
    changes = tuple(readers[event](payload)) if event in readers else ()
    return Push(
        "bitbucket", event, delivery_id, who, changes, tuple(_repositories(payload)), nothing
    )


def _cloud(payload: Mapping[str, Any]) -> Iterator[Change]:
    for change in items_of(payload, "push", "changes")[:MOST_CHANGES]:
        deleted = at(change, "new") is None
        side = "old" if deleted else "new"
        name, kind = text_of(change, side, "name"), text_of(change, side, "type")
        if name and kind in FOLDERS:
            commit = text_of(change, "new", "target", "hash")
            forced = at(change, "forced") is True
            yield Change(f"{FOLDERS[kind]}/{name}", commit, deleted, forced)


def _server(payload: Mapping[str, Any]) -> Iterator[Change]:
    for change in items_of(payload, "changes")[:MOST_CHANGES]:
        reference = text_of(change, "ref", "id") or text_of(change, "refId")
        commit = text_of(change, "toHash")
        if reference:
            deleted = text_of(change, "type") == "DELETE" or is_gone(commit)
            yield Change(reference, commit, deleted)


def _repositories(payload: Mapping[str, Any]) -> Iterator[str]:
    page = text_of(payload, "repository", "links", "html", "href")
    if page:
        yield page
    for link in items_of(payload, "repository", "links", "clone"):
        address = text_of(link, "href")
        if address:
            yield address

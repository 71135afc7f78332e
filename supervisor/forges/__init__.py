"""What forges send: pure functions from headers and body to what they mean.

Adding a forge is one module with `speaks` and `read`, and its line in FORGES.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from supervisor.forges import azure, bitbucket, gitea, github, gitlab, gogs
from supervisor.forges.payload import parse_body, text_of, texts_of
from supervisor.forges.push import Change, Push


class Forge(Protocol):
    """What a forge's module has to have."""

    def speaks(self, headers: Mapping[str, str], payload: Mapping[str, Any], /) -> bool:
        """Tell whether this forge sent the call."""

    def read(self, headers: Mapping[str, str], payload: Mapping[str, Any], /) -> Push:
        """Return what the call says."""


# One delivery of Forgejo or Gitea carries the headers of Gogs and GitHub too, one of Gogs
# GitHub's: the most particular forge comes first.
# https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go
# https://github.com/gogs/gogs/blob/main/internal/database/webhook.go
FORGES: tuple[Forge, ...] = (gitea, gogs, gitlab, bitbucket, github, azure)


def understand(headers: Mapping[str, str], body: bytes) -> Push:
    """Return what a delivery says; nothing in it is trusted, and nothing in it raises."""
    payload = parse_body(headers, body)
    for forge in FORGES:
        if forge.speaks(headers, payload):
            return forge.read(headers, payload)
    return _generic(payload)


def claim(headers: Mapping[str, str]) -> Push:
    """Return which forge and event a delivery claims to be, without a look at its body."""
    push = understand(headers, b"")
    return Push(push.forge, push.event)


def _generic(payload: Mapping[str, Any]) -> Push:
    """Read a plain signed request: it triggers, unless it names another reference itself."""
    reference = text_of(payload, "ref")
    changes = (Change(reference, deleted=payload.get("deleted") is True),) if reference else ()
    return Push(
        "generic",
        "push",
        changes=changes,
        repositories=texts_of(payload, ("repository",), *github.CLONE_ADDRESSES),
        unconditional=not changes,
    )

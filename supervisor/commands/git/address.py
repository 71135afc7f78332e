"""Addresses of repositories: which are taken, and when two of them mean the same repository."""

import re
from urllib.parse import urlsplit

from supervisor.network.addresses import meanings, parse_host

SCHEMES = ("file", "ssh", "http", "https")
INVALID = "is not a valid URL"
# user@host:path; its path begins at the user's home, which is the root of a forge's repositories.
# https://git-scm.com/docs/git-clone#_git_urls
SHORT_SSH = re.compile(r"([A-Za-z0-9_][\w.+-]*)@([A-Za-z0-9][A-Za-z0-9.-]*):/?([^/:\s][^:\s]*)")
# The same form as loosely as ssh takes it, also without a user.
SCP = re.compile(r"(?:[^@/\s]+@)?([^:/\s]+):(?!//)(.+)\Z")


def written_out(url: str) -> str | None:
    """Return ssh's short form as a URL, None for any other address."""
    short = SHORT_SSH.fullmatch(url)
    return "ssh://{}@{}/{}".format(*short.groups()) if short else None


def check(url: str) -> None:
    """Take http, https, ssh and file URLs without credentials; raise ValueError that says why."""
    if full := written_out(url):
        raise ValueError(f"is ssh's short form: write {full}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(INVALID) from None
    if re.search(r"\s", url) or "%0" in url.lower() or not parts.scheme or port == 0:
        raise ValueError(INVALID)
    # Exactly so: git takes `HTTPS://…` for a helper's name and `file:x` for a host.
    # https://git-scm.com/docs/gitremote-helpers
    if not url.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        raise ValueError("scheme must be one of file, ssh, http, or https")
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise ValueError("must not hold credentials: use git_username and git_token")
    if parts.query or parts.fragment or parts.path in ("", "/"):
        raise ValueError(INVALID)
    _check_host(parts.scheme, parts.hostname or "", parts.username or "")


def _check_host(scheme: str, host: str, user: str) -> None:
    if scheme == "file":
        if host not in ("", "localhost"):
            raise ValueError(INVALID)
        return
    if not re.fullmatch(r"[a-z0-9_][a-z0-9._-]*|[0-9a-f:.]+", host) or user[:1] in ("-", "%"):
        raise ValueError(INVALID)
    address = parse_host(host)
    if address and any(meant.is_link_local for meant in meanings(address)):
        raise ValueError("must not be a link-local address")


def repository_key(address: str) -> str:
    """Return host and path without scheme, user, port, case of the host, and .git."""
    match = None if "://" in address else SCP.match(address)
    if match:
        host, path = match.groups()
    else:
        try:
            parts = urlsplit(address)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return address
    path = re.sub(r"/+", "/", path).strip("/").removesuffix(".git").rstrip("/")
    return f"{host.lower()}/{path}"

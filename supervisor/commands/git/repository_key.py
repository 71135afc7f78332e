"""When two addresses mean the same repository."""

import re
from urllib.parse import urlsplit

# user@host:path, as ssh takes it
SCP = re.compile(r"(?:[^@/\s]+@)?([^:/\s]+):(?!//)(.+)\Z")


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

"""A repository elsewhere: where it is, and as whom to ask for it."""

from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True)
class Remote:
    """Where a repository is, as whom to ask for it, and whom to believe that it is there.

    `known_hosts` is the text of such a file, `known_hosts_file` the path of one that is used where
    there is no text, and `ca_file` has certificates that count beside the system's.
    """

    url: str
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    ssh_key: str | None = field(default=None, repr=False)
    known_hosts: str | None = field(default=None, repr=False)
    known_hosts_file: str | None = None
    ca_file: str | None = None

    def elsewhere(self, url: str) -> "Remote":
        """Return another repository to ask; credentials go along to the same host only.

        A token goes where only that host can read it, or where others could before too. A key is
        never sent.
        """
        own, other = urlsplit(self.url), urlsplit(url)
        asked = replace(self, url=url)
        if (own.scheme, own.hostname, _port(own)) != (other.scheme, other.hostname, _port(other)):
            asked = replace(asked, username=None, token=None)
        if own.hostname != other.hostname:
            asked = replace(asked, ssh_key=None)
        return asked


def _port(parts: SplitResult) -> int | None:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)

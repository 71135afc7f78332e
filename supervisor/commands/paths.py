"""Looks at paths that a repository names: links to themselves, names that no file can have."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.errors import DeployRefused


@contextmanager
def looked_at(name: str) -> Iterator[None]:
    """Raise DeployRefused with the path's name for whatever keeps it from being looked at."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DeployRefused(f"{shown(name)} is a link that leads to itself") from None
        reason = os.strerror(error.errno or errno.EIO)
        raise DeployRefused(f"{shown(name)} cannot be looked at: {reason}") from None
    except RuntimeError:  # Python's word for the same: https://bugs.python.org/issue46316
        raise DeployRefused(f"{shown(name)} is a link that leads to itself") from None
    except ValueError:
        raise DeployRefused(f"{shown(name)} can be no path on this machine") from None


def resolved(path: Path, name: str) -> Path:
    """Return where a path leads, links followed; raise DeployRefused with its name."""
    with looked_at(name):
        return path.resolve()


def exists(path: Path, name: str) -> bool:
    """Tell whether something is there, links followed; raise DeployRefused with its name."""
    with looked_at(name):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def shown(name: str) -> str:
    """Return a path's name as it can be printed and stored, cut where it is very long."""
    whole = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name
    )
    return whole if len(whole) <= 300 else f"{whole[:300]}…"

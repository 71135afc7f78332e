"""A `git` and a `docker` before the real ones: each call is noted, and two that must not overlap.

A call ends with the lock that it holds: the real program inherits it, also where that outlives
the service.
"""

import os
import shlex
import shutil
from pathlib import Path

# The thing that a command changes: a Compose project, a checkout by its index, a mirror.
DOCKER_KEY = """
for word; do
    [ "${before:-}" != --project-name ] || project=$word
    case $word in up | down | stop | restart | pause | unpause) verb=$word ;; esac
    before=$word
done
[ -z "${verb:-}" ] || key=${project:-}
"""
GIT_KEY = """
for word; do
    case $word in
    --git-dir=*) mirror=$word ;;
    read-tree) key=${GIT_INDEX_FILE:-} ;;
    fetch) key=${mirror:-} ;;
    esac
done
"""
SHIM = """#!/bin/sh
[ "$1" != info ] || exec echo {folder}/bin/docker-compose # where the plugin is: here as well
key=
{find_key}
printf '%s\\0' {name} "$@" >{folder}/calls/$(date +%s%N)-$$
if [ -n "$key" ]; then
    lock=$(printf %s "$key" | tr -c 'a-zA-Z0-9-' _)
    exec 9>>{folder}/locks/{name}-"$lock"
    flock --nonblock 9 || printf '%s\\n' "$*" >>{folder}/overlaps
fi
exec {real} "$@"
"""


class Recorder:
    """Notes what a service calls, with `PATH` as its first setting."""

    def __init__(self, folder: Path) -> None:
        """Make the two programs in a folder."""
        self._folder = folder
        for name in ("calls", "locks", "bin"):
            (folder / name).mkdir(parents=True)
        for name, find_key in (("docker", DOCKER_KEY), ("git", GIT_KEY)):
            real = shutil.which(name)
            assert real, f"{name} is not installed"
            shim = folder / "bin" / name
            quoted = {"folder": shlex.quote(str(folder)), "real": shlex.quote(real)}
            shim.write_text(SHIM.format(name=name, find_key=find_key, **quoted))
            shim.chmod(0o755)
        (folder / "bin" / "docker-compose").symlink_to("docker")

    @property
    def path(self) -> str:
        """Return the PATH that finds them."""
        return f"{self._folder / 'bin'}:{os.environ['PATH']}"

    def calls(self, *words: str) -> list[list[str]]:
        """Return the argument lists with all of these words, oldest first."""
        texts = [path.read_text() for path in sorted((self._folder / "calls").iterdir())]
        found = [text.split("\0")[:-1] for text in texts]
        return [argv for argv in found if set(words) <= set(argv)]

    def overlaps(self) -> list[str]:
        """Return the calls that began while another one changed the same thing."""
        path = self._folder / "overlaps"
        return path.read_text().splitlines() if path.exists() else []

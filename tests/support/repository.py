"""Real git repositories."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.support.engine import BASE_IMAGE
from tests.support.packages import have

WHO = {"NAME": "Tester", "EMAIL": "tester@example.org"}
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    # A test may have given its repository to the user that the service runs as.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    **{
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in WHO.items()
    },
}


class Repository:
    """A repository with a work tree, in a folder that is made for it."""

    def __init__(self, path: Path) -> None:
        """Make an empty repository whose branch is main."""
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """Return the address to clone from."""
        return self.path.as_uri()

    @property
    def head(self) -> str:
        """Return the id of the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """Run git in the repository, without this machine's settings; return what it prints."""
        environment = os.environ | ENVIRONMENT
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def commit(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *,
        message: str = "A change",
        remove: Iterable[str] = (),
        amend: bool = False,
    ) -> str:
        """Write and remove files, commit, return the commit's id.

        `amend` replaces the newest commit: followers of the branch see a forced push.
        """
        for name, content in (files or {}).items():
            self._write(name, content)
        for name in remove:
            (self.path / name).unlink()
        self.git("add", "--all")
        options = ("--amend",) if amend else ()
        self.git("commit", "--quiet", "--allow-empty", "--message", message, *options)
        return self.head

    def _write(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link; it is part of the next commit."""
        (self.path / name).symlink_to(target)

    def keep_large(self, pattern: str) -> None:
        """Keep files in Git LFS from now on; it is part of the next commit."""
        have("git-lfs")
        for key, value in (("clean", "clean -- %f"), ("smudge", "smudge -- %f")):
            self.git("config", f"filter.lfs.{key}", f"git-lfs {value}")
        self.git("config", "filter.lfs.required", "true")
        (self.path / ".gitattributes").write_text(
            f"{pattern} filter=lfs diff=lfs merge=lfs -text\n"
        )

    def submodule(self, path: str, url: str, commit: str) -> None:
        """Have a path be a submodule at a commit; it is part of the next commit."""
        for key, value in (("path", path), ("url", url)):
            self.git("config", "--file", ".gitmodules", f"submodule.{path}.{key}", value)
        (self.path / path).mkdir(parents=True, exist_ok=True)  # or `add` takes it for removed
        self.git("add", ".gitmodules")
        self.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")

    def branch(self, name: str) -> None:
        """Make a branch of the current commit and switch to it."""
        self.git("checkout", "--quiet", "-b", name)

    def switch(self, name: str) -> None:
        """Check another branch out."""
        self.git("checkout", "--quiet", name)

    def tag(self, name: str, commit: str = "HEAD") -> None:
        """Make a tag, or move it."""
        self.git("tag", "--force", name, commit)

    def rewind(self, commit: str) -> None:
        """Set the branch back to an older commit."""
        self.git("reset", "--quiet", "--hard", commit)


def two_services(version: str = "1", *, port: int | None = None) -> dict[str, str]:
    """Return the files of a stack: `web` serves its version over HTTP, `db` stays as it is.

    With `port`, the version is at http://127.0.0.1:<port>/version; always, `cat /www/version`
    inside `web` prints it.
    """
    ports = f'\n    ports: ["127.0.0.1:{port}:80"]' if port else ""
    command = "mkdir -p /www && echo $$VERSION >/www/version && exec httpd -f -h /www"
    compose = f"""\
services:
  web:
    image: {BASE_IMAGE}
    command: ["sh", "-c", "{command}"]
    environment: {{VERSION: "{version}"}}
    stop_grace_period: 0s{ports}
  db:
    image: {BASE_IMAGE}
    command: ["sleep", "1000000"]
    stop_grace_period: 0s
"""
    return {"compose.yml": compose}

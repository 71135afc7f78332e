"""Mirrors of repositories: what a stack needs of git, and nothing that a repository could steer."""

import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from supervisor.commands.git.call import LOCAL_SECONDS, run_git
from supervisor.commands.git.errors import is_damage
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed, MirrorDamaged, SupervisorError


@dataclass(frozen=True)
class Git:
    """A bare mirror of a repository, and the checkouts made from it."""

    shell: Shell
    mirror: Path

    def create(self) -> bool:
        """Make the mirror unless it is there, whole or not at all; tell whether it is new."""
        if self.mirror.exists():
            return False
        draft = self.mirror.with_name(f"{self.mirror.name}.{uuid4().hex}")
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        run_git(self.shell, "init", "--quiet", "--bare", "--template=", str(draft))
        try:
            draft.rename(self.mirror)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not self.mirror.exists():
                raise
            return False
        return True

    def fetch(
        self, remote: Remote, source: str, target: str, seconds: float, *, shallow: bool = False
    ) -> str:
        """Fetch a full reference or a commit into the mirror's own reference; return the commit.

        `shallow` leaves out the history before it.
        """
        try:
            return self._fetch(remote, source, target, seconds, shallow)
        except CommandFailed as error:
            if not is_damage(error):
                raise
            self.discard()
            self.create()
            return self._fetch(remote, source, target, seconds, shallow)

    def _fetch(
        self, remote: Remote, source: str, target: str, seconds: float, shallow: bool
    ) -> str:
        command = ["fetch", "--quiet", "--no-tags", "--no-auto-maintenance"]
        command += ["--depth=1"] if shallow else []
        command += ["--end-of-options", remote.url, f"+{source}:{target}"]
        self._remove_half_fetched()
        try:
            self.run(*command, seconds=seconds, remote=remote)
        except SupervisorError:
            self._remove_half_fetched()
            raise
        if source.startswith("refs/heads/"):  # a branch's object is a commit, a tag's may be a tag
            return (self.mirror / "FETCH_HEAD").read_text().split(maxsplit=1)[0]
        return self._line("rev-parse", "--verify", "--end-of-options", f"{target}^{{commit}}")

    def _remove_half_fetched(self) -> None:
        """Remove what a fetch that failed left: git doesn't, and so would keep a full disk full.

        https://github.com/argoproj/argo-cd/issues/18831
        """
        for pattern in ("pack/tmp_*", "??/tmp_obj_*"):
            for path in (self.mirror / "objects").glob(pattern):
                path.unlink(missing_ok=True)

    def has_commit(self, commit: str) -> bool:
        """Tell whether the mirror has the commit."""
        return self.has(f"{commit}^{{commit}}")

    def has(self, thing: str) -> bool:
        """Tell whether the mirror has a commit, tree or file."""
        try:
            self._line("cat-file", "-e", "--end-of-options", thing)
        except CommandFailed:
            return False
        return True

    def objects(self, commit: str, paths: Collection[str]) -> dict[str, str]:
        """Return git's mode and digest of each file or folder of a commit; "." is all of it."""
        found = {}
        if "." in paths:
            found["."] = self._line("rev-parse", "--verify", f"{commit}^{{tree}}")
        named = sorted(set(paths) - {"."})
        if named:
            # Without -t a folder isn't told of where something in it is asked for as well:
            # https://git-scm.com/docs/git-ls-tree
            listing = ("ls-tree", "-t", "-z", "--full-tree", commit, "--", *named)
            text = self.run("--literal-pathspecs", *listing)
            for entry in filter(None, text.split("\0")):
                facts, path = entry.split("\t", 1)
                if path in paths:
                    mode, _kind, digest = facts.split()
                    found[path] = f"{mode} {digest}"
        return found

    def commits_between(self, old: str, new: str, count: int) -> list[dict[str, str]]:
        """Return the commits that lead from one to the other, newest first, at most so many."""
        # Cut by git, since a subject may have a megabyte: https://git-scm.com/docs/pretty-formats
        form = "%H%x00%<(100,trunc)%an%x00%aI%x00%<(300,trunc)%s"
        limits = (f"--max-count={count}", f"--format={form}")
        text = self.run("log", *limits, "--end-of-options", f"{old}..{new}")
        names = ("commit", "author", "at", "subject")
        rows = [map(_readable, line.split("\0")) for line in text.split("\n") if line]
        return [dict(zip(names, row, strict=False)) for row in rows]

    def set_reference(self, name: str, commit: str) -> None:
        """Point one of the mirror's own references to a commit, so that it is kept."""
        self._line("update-ref", "--end-of-options", name, commit)

    def delete_references(self, folder: str) -> None:
        """Remove the mirror's own references below a folder; fine if there are none."""
        for name in self.references(folder):
            self._line("update-ref", "-d", "--end-of-options", name)

    def references(self, folder: str) -> list[str]:
        """Return the mirror's own references below a folder."""
        return self._line("for-each-ref", "--format=%(refname)", f"{folder}/").split()

    def checkout(self, commit: str, work_tree: Path, index: Path, seconds: float) -> None:
        """Make the tracked files of a folder those of the commit, in place.

        Untracked files stay. A lock or index that a killed git left is cleared away: the caller
        makes sure that no other git uses this index. Raise LargeFilesMissing, MirrorDamaged.
        """
        work_tree.mkdir(mode=0o755, parents=True, exist_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)

        def read_tree() -> None:
            command = ("read-tree", "--reset", "-u", "--end-of-options", commit)
            self.run(*command, seconds=seconds, index=index, work_tree=work_tree)

        try:
            read_tree()
        except CommandFailed as error:
            if is_damage(error):
                raise MirrorDamaged from None
            if not re.search(r"index file (corrupt|smaller)|bad (index|signature)", error.output):
                raise
            index.unlink()
            read_tree()

    def collect_garbage(self, seconds: float) -> None:
        """Pack the mirror and drop what no stack needs any more."""
        self.run("gc", "--quiet", "--prune=1.hour.ago", seconds=seconds)

    def discard(self) -> None:
        """Put a damaged mirror out of the way; all that it holds can be fetched again."""
        away = self.mirror.with_name(f"{self.mirror.name}.{uuid4().hex}")
        with suppress(FileNotFoundError):  # another stack of the repository was faster
            self.mirror.rename(away)
        shutil.rmtree(away, ignore_errors=True)

    def run(
        self,
        *arguments: str,
        seconds: float = LOCAL_SECONDS,
        remote: Remote | None = None,
        index: Path | None = None,
        work_tree: Path | None = None,
    ) -> str:
        """Run another git command on the mirror, also on files beside it; return what it prints."""
        place = [f"--git-dir={self.mirror}"]
        place += [f"--work-tree={work_tree}"] if work_tree else []
        cwd = work_tree or (self.mirror if index else None)
        return run_git(
            self.shell, *place, *arguments, seconds=seconds, remote=remote, cwd=cwd, index=index
        )

    def _line(self, *arguments: str) -> str:
        return self.run(*arguments).strip()


def _readable(text: str) -> str:
    """Return what an author wrote as a terminal may show it, cut where it takes no room there."""
    shown = text.rstrip()[:300]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)

"""The git command line: what a stack needs of it, and nothing that a repository could steer."""

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from supervisor.commands.git.environment import Remote, git_environment
from supervisor.commands.git.errors import explain, hides_fingerprint, is_damage
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed, MirrorDamaged, SupervisorError

COMMIT = re.compile(r"[0-9a-f]{40}\Z")
LOCAL_SECONDS = 60


def is_commit(reference: str) -> bool:
    """Tell whether a reference is a full commit id."""
    return bool(COMMIT.match(reference))


def candidates(reference: str) -> list[str]:
    """Return the full names that a reference may stand for, the first one first."""
    if reference.startswith("refs/"):
        return [reference]
    return [f"refs/heads/{reference}", f"refs/tags/{reference}"]


def resolve(found: Mapping[str, str], reference: str) -> tuple[str, str] | None:
    """Return the full name and commit of a reference; branches win over tags."""
    for name in candidates(reference):
        if name in found:
            return name, found[name]
    return None


def version(shell: Shell, seconds: float) -> str:
    """Return which git there is; raise CommandMissing."""
    return _run(shell, _git("--version"), seconds).strip()


def ls_remote(
    shell: Shell, remote: Remote, references: Sequence[str], seconds: float
) -> dict[str, str]:
    """Ask for references by their full names; return the commit of each that exists.

    Annotated tags are given as the commit they point to. An empty repository gives {}.
    """
    patterns = [pattern for name in references for pattern in (name, f"{name}^{{}}")]
    argv = _git("ls-remote", "--end-of-options", remote.url, *patterns)
    text = _run(shell, argv, seconds, remote=remote)
    rows = [line.split("\t", 1) for line in text.splitlines() if "\t" in line]
    found = {name: commit for commit, name in rows}
    return {name: found.get(f"{name}^{{}}", found[name]) for name in references if name in found}


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
        argv = _git("init", "--quiet", "--bare", "--template=", str(draft))
        _run(self.shell, argv, LOCAL_SECONDS)
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
        argv = self._argv(
            "fetch", "--quiet", "--no-tags", "--no-auto-maintenance",
            *(("--depth=1",) if shallow else ()),
            "--end-of-options", remote.url, f"+{source}:{target}",
        )  # fmt: skip
        self._remove_half_fetched()
        try:
            _run(self.shell, argv, seconds, remote=remote)
        except SupervisorError:
            self._remove_half_fetched()
            raise
        if source.startswith("refs/heads/"):  # a branch's object is a commit, a tag's may be a tag
            return (self.mirror / "FETCH_HEAD").read_text().split(maxsplit=1)[0]
        return self._line("rev-parse", "--verify", "--end-of-options", f"{target}^{{commit}}")

    def _remove_half_fetched(self) -> None:
        """Remove what a fetch that failed left: git doesn't, and so would keep a full disk full."""
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
            # Without -t a folder isn't told of where something in it is asked for as well.
            listing = ("ls-tree", "-t", "-z", "--full-tree", commit, "--", *named)
            argv = self._argv("--literal-pathspecs", *listing)
            text = _run(self.shell, argv, LOCAL_SECONDS)
            for entry in filter(None, text.split("\0")):
                facts, path = entry.split("\t", 1)
                if path in paths:
                    mode, _kind, digest = facts.split()
                    found[path] = f"{mode} {digest}"
        return found

    def commits_between(self, old: str, new: str, count: int) -> list[dict[str, str]]:
        """Return the commits that lead from one to the other, newest first, at most so many."""
        # Cut by git: nobody has to be able to read a subject of a megabyte.
        form = "%H%x00%<(100,trunc)%an%x00%aI%x00%<(300,trunc)%s"
        argv = self._argv(
            "log", f"--max-count={count}", f"--format={form}", "--end-of-options", f"{old}..{new}"
        )
        text = _run(self.shell, argv, LOCAL_SECONDS)
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
        makes sure that nobody else uses this index. Raise LargeFilesMissing, MirrorDamaged.
        """
        work_tree.mkdir(mode=0o755, parents=True, exist_ok=True)
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
        argv = self._argv(
            f"--work-tree={work_tree}", "read-tree", "--reset", "-u", "--end-of-options", commit
        )
        try:
            _run(self.shell, argv, seconds, cwd=work_tree, index=index)
        except CommandFailed as error:
            if is_damage(error):
                raise MirrorDamaged from None
            if not re.search(r"index file (corrupt|smaller)|bad (index|signature)", error.output):
                raise
            index.unlink()
            _run(self.shell, argv, seconds, cwd=work_tree, index=index)

    def collect_garbage(self, seconds: float) -> None:
        """Pack the mirror and drop what no stack needs any more."""
        argv = self._argv("gc", "--quiet", "--prune=1.hour.ago")
        _run(self.shell, argv, seconds)

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
    ) -> str:
        """Run another git command on the mirror; return what it prints."""
        argv, cwd = self._argv(*arguments), self.mirror if index else None
        return _run(self.shell, argv, seconds, remote=remote, cwd=cwd, index=index)

    def _line(self, *arguments: str) -> str:
        return self.run(*arguments).strip()

    def _argv(self, *arguments: str) -> list[str]:
        return _git(f"--git-dir={self.mirror}", *arguments)


def _readable(text: str) -> str:
    """Return what anybody wrote as what a terminal may show, cut where it takes no room there."""
    shown = text.rstrip()[:300]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)


def _git(*arguments: str) -> list[str]:
    return ["git", *arguments]


def _run(
    shell: Shell,
    argv: Sequence[str],
    seconds: float,
    *,
    remote: Remote | None = None,
    cwd: Path | None = None,
    index: Path | None = None,
) -> str:
    more = {"GIT_INDEX_FILE": str(index)} if index else {}

    def once(*, verbose: bool) -> str:
        with git_environment(remote, verbose=verbose) as environment:
            return shell.capture(argv, env=environment | more, seconds=seconds, cwd=cwd)

    try:
        return once(verbose=False)
    except CommandFailed as error:
        if not hides_fingerprint(error):
            raise explain(error) from None
    try:  # which host key it was shown, ssh tells only who asks for it
        return once(verbose=True)
    except CommandFailed as error:
        raise explain(error) from None

"""Branches, tags and commits: what a reference may stand for, and what a repository has."""

import re
from collections.abc import Mapping, Sequence

from supervisor.commands.git.call import run_git
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell

COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def is_commit(reference: str) -> bool:
    """Tell whether a reference is a full commit id."""
    return bool(COMMIT.match(reference))


def full_names(reference: str) -> list[str]:
    """Return the full names that a reference may stand for, the first one first."""
    if reference.startswith("refs/"):
        return [reference]
    return [f"refs/heads/{reference}", f"refs/tags/{reference}"]


def resolve_reference(found: Mapping[str, str], reference: str) -> tuple[str, str] | None:
    """Return the full name and commit of a reference; branches win over tags."""
    for name in full_names(reference):
        if name in found:
            return name, found[name]
    return None


def ls_remote(
    shell: Shell, remote: Remote, references: Sequence[str], seconds: float
) -> dict[str, str]:
    """Ask for references by their full names; return the commit of each that exists.

    Annotated tags are given as the commit they point to, which git tells too, with `^{}` behind the
    tag's name (https://git-scm.com/docs/git-ls-remote). An empty repository gives {}.
    """
    patterns = [pattern for name in references for pattern in (name, f"{name}^{{}}")]
    ask = ("ls-remote", "--end-of-options", remote.url, *patterns)
    text = run_git(shell, *ask, seconds=seconds, remote=remote)
    rows = [line.split("\t", 1) for line in text.splitlines() if "\t" in line]
    found = {name: commit for commit, name in rows}
    return {name: found.get(f"{name}^{{}}", found[name]) for name in references if name in found}

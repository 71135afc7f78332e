"""What git is asked of submodules: which there are, and one tree with the files of all."""

import re
from collections.abc import Mapping
from uuid import uuid4

from supervisor.commands.git.mirror import Git
from supervisor.errors import CommandFailed, DeployRefused

# https://git-scm.com/docs/gitmodules
SETTING = re.compile(r"submodule\.(.*)\.(path|url)", re.DOTALL)


def submodules_of(mirror: Git, commit: str) -> dict[str, str]:
    """Return the path and address of each submodule that a commit names.

    Raise DeployRefused where `.gitmodules` cannot be read.
    """
    if ".gitmodules" not in mirror.objects(commit, {".gitmodules"}):
        return {}
    try:
        text = mirror.run("config", "--blob", f"{commit}:.gitmodules", "--list", "-z")
    except CommandFailed as error:
        raise DeployRefused(f".gitmodules cannot be read: {error.output[-200:]}") from None
    found: dict[str, dict[str, str]] = {}
    for entry in text.split("\0"):
        key, _newline, value = entry.partition("\n")
        if match := SETTING.fullmatch(key):
            found.setdefault(match[1], {})[match[2]] = value
    return {each["path"]: each["url"] for each in found.values() if len(each) == 2}


def graft(mirror: Git, commit: str, trees: Mapping[str, str]) -> str:
    """Return a tree that is the commit's, with others in the place of its submodules."""
    index = mirror.mirror / f"tmp_{uuid4().hex}"  # removed at the next start, if not here

    def run(*arguments: str) -> str:
        return mirror.run(*arguments, index=index, work_tree=mirror.mirror).strip()

    try:
        run("read-tree", "--end-of-options", commit)
        for path, tree in trees.items():
            run("update-index", "--force-remove", "--", path)
            run("read-tree", f"--prefix={path}/", "--end-of-options", tree)
        return run("write-tree")
    finally:
        index.unlink(missing_ok=True)

"""What git does not know in a checkout: containers and people put it there, and it is kept."""

import os
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path, PurePosixPath

from supervisor.commands.git.mirror import Git
from supervisor.commands.paths import looked_at


def in_the_way(git: Git, commit: str, work_tree: Path, index: Path) -> str | None:
    """Return a path that a commit brings to where something untracked is, None if there is none.

    Raise DeployRefused with its name for a path that cannot be looked at.
    git itself would put the commit's file in its place, since the checkout is a `read-tree --reset
    -u`: https://git-scm.com/docs/git-read-tree
    """
    if not index.exists():
        return None
    new = _paths(git, index, "diff-index", "--cached", "--diff-filter=D", "--name-only", commit)

    @cache
    def tracked() -> frozenset[str]:
        return frozenset(_paths(git, index, "ls-files"))

    parents = sorted(
        {str(parent) for path in new for parent in PurePosixPath(path).parents} - {"."}
    )
    for path in parents:
        place = work_tree / path
        with looked_at(path):
            is_other = os.path.lexists(place) and not _is_folder(place)
        if is_other and path not in tracked():
            return path
    for path in new:
        with looked_at(path):
            taken = _is_taken(path, work_tree, tracked)
        if taken:
            return path
    return None


def _is_taken(path: str, work_tree: Path, tracked: Callable[[], Collection[str]]) -> bool:
    place = work_tree / path
    if not all(_is_folder(work_tree / parent) for parent in PurePosixPath(path).parents):
        return False  # nothing, or a file that git knows and takes away
    if not _is_folder(place):
        return os.path.lexists(place)
    inside = (Path(folder) / name for folder, _, names in os.walk(place) for name in names)
    return any(str(file.relative_to(work_tree)) not in tracked() for file in inside)


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _paths(git: Git, index: Path, *command: str) -> list[str]:
    name, *arguments = command
    return list(filter(None, git.run(name, "-z", *arguments, index=index).split("\0")))

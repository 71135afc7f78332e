"""What git does not know in a checkout is found before a commit overwrites it."""

from pathlib import Path

import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.commands.git.untracked import in_the_way
from supervisor.errors import DeployRefused
from tests.commands.git.checkouts import Checkout, fetch
from tests.support.repository import Repository

# What git does not know


def made(tree: Path, *paths: str) -> None:
    for path in paths:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("made by a container")


@pytest.mark.parametrize(
    ("untracked", "committed", "found"),
    [
        (["new.txt"], ["new.txt"], "new.txt"),
        (["folder/new.txt"], ["folder/new.txt"], "folder/new.txt"),
        (["state/db", "state/log"], ["state"], "state"),
        (["state"], ["state/db"], "state"),
        (["folder/made"], ["folder"], "folder"),
        ([":(glob)*"], [":(glob)*"], ":(glob)*"),
        (["state/db"], ["state/other"], None),
        (["elsewhere"], ["new.txt"], None),
        ([], ["folder"], None),
        ([], ["a.txt/now/a/folder"], None),
        ([], ["a.txt", "new.txt"], None),
    ],
)
def test_what_a_commit_would_overwrite_is_found(
    mirror: Git,
    source: Repository,
    checkout: Checkout,
    untracked: list[str],
    committed: list[str],
    found: str | None,
) -> None:
    remote = Remote(source.url)
    checkout.to(fetch(mirror, remote))
    made(checkout.tree, *untracked)
    source.commit({"another": "file"}, remove=["a.txt", "folder/b.txt"])
    (source.path / "folder").rmdir()
    source.commit(dict.fromkeys(committed, "of the repository"))
    commit = fetch(mirror, remote)
    assert in_the_way(mirror, commit, checkout.tree, checkout.index) == found
    if found is None:
        checkout.to(commit)
        assert all((checkout.tree / path).exists() for path in (*untracked, *committed))


def test_an_empty_folder_that_the_engine_made_for_a_mount_is_in_nobodys_way(
    mirror: Git, source: Repository, remote: Remote, checkout: Checkout
) -> None:
    checkout.to(fetch(mirror, remote))
    (checkout.tree / "nginx.conf").mkdir()
    source.commit({"nginx.conf": "events {}"})
    commit = fetch(mirror, remote)
    assert in_the_way(mirror, commit, checkout.tree, checkout.index) is None
    assert checkout.to(commit)["nginx.conf"] == "events {}"


def test_links_that_nobody_committed_are_not_followed(
    mirror: Git, source: Repository, remote: Remote, checkout: Checkout, tmp_path: Path
) -> None:
    checkout.to(fetch(mirror, remote))
    (tmp_path / "outside").mkdir()
    (checkout.tree / "data").symlink_to(tmp_path / "outside")
    (checkout.tree / "dangling").symlink_to("nowhere")
    source.commit({"data/x": "x"})
    first = fetch(mirror, remote)
    assert in_the_way(mirror, first, checkout.tree, checkout.index) == "data"
    source.commit({"dangling": "x"}, remove=["data/x"])
    assert in_the_way(mirror, fetch(mirror, remote), checkout.tree, checkout.index) == "dangling"


def test_a_name_that_is_too_long_for_the_disk_is_refused_by_its_name(
    mirror: Git, source: Repository, checkout: Checkout
) -> None:
    remote = Remote(source.url)
    checkout.to(fetch(mirror, remote))
    blob = source.git("rev-parse", "HEAD:a.txt")
    source.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{'x' * 290}")
    source.git("commit", "--quiet", "--message", "long")
    commit = fetch(mirror, remote)
    with pytest.raises(DeployRefused, match=r"^x{290} cannot be looked at: File name too long"):
        in_the_way(mirror, commit, checkout.tree, checkout.index)

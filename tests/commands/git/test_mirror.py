"""Git does what a stack needs of it, and nothing that a repository, a name or a URL asks for."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.references import ls_remote, resolve_reference
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import (
    CommandCancelled,
    MirrorDamaged,
    ReferenceNotFound,
    RepositoryDenied,
    RepositoryNotFound,
    RepositoryUnreachable,
    SupervisorError,
)
from tests.commands.git.checkouts import MAIN, TARGET, Checkout, fetch
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.waiting import wait_until

TOKEN = "tok-CANARY-2"


def test_references_are_found_by_their_full_names(
    shell: Shell, source: Repository, remote: Remote
) -> None:
    source.git("tag", "-a", "-m", "x", "v1")
    source.git("branch", "x/refs/heads/main")
    found = ls_remote(shell, remote, [MAIN, "refs/tags/v1", "refs/heads/none"], 20)
    assert found == {MAIN: source.head, "refs/tags/v1": source.head}


def test_an_empty_repository_has_no_references(shell: Shell, tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty")
    assert ls_remote(shell, Remote(empty.url), [MAIN], 20) == {}


def test_a_branch_wins_over_a_tag() -> None:
    found = {"refs/tags/x": "1" * 40, "refs/heads/x": "2" * 40}
    assert resolve_reference(found, "x") == ("refs/heads/x", "2" * 40)
    assert resolve_reference(found, "refs/tags/x") == ("refs/tags/x", "1" * 40)
    assert resolve_reference(found, "y") is None


def test_a_fetch_returns_the_commit(mirror: Git, source: Repository, remote: Remote) -> None:
    assert fetch(mirror, remote) == source.head
    assert mirror.has_commit(source.head)
    assert not mirror.has_commit("1" * 40)


def test_an_annotated_tag_is_fetched_as_its_commit(
    mirror: Git, source: Repository, remote: Remote
) -> None:
    source.git("tag", "-a", "-m", "x", "v1")
    assert fetch(mirror, remote, "refs/tags/v1") == source.head


def test_a_commit_is_fetched_by_its_id(mirror: Git, source: Repository, remote: Remote) -> None:
    first = source.head
    source.commit({"a.txt": "two\n"})
    assert fetch(mirror, remote, first) == first


def test_a_rewritten_history_is_followed(mirror: Git, source: Repository, remote: Remote) -> None:
    fetch(mirror, remote)
    amended = source.commit({"a.txt": "other\n"}, amend=True)
    assert fetch(mirror, remote) == amended


def test_a_moved_tag_is_followed(mirror: Git, source: Repository, remote: Remote) -> None:
    source.tag("v1")
    fetch(mirror, remote, "refs/tags/v1")
    source.commit({"a.txt": "two\n"})
    source.tag("v1")
    assert fetch(mirror, remote, "refs/tags/v1") == source.head


def test_ordinary_flaws_of_old_histories_do_not_hinder_a_fetch(
    mirror: Git, source: Repository, remote: Remote
) -> None:
    tree = source.git("rev-parse", "HEAD^{tree}")
    body = f"tree {tree}\nauthor A <a@b> 1 +051800\ncommitter A <a@b>1 +0000\n\nold\n"
    command = ["git", "-C", str(source.path), "hash-object", "-t", "commit", "-w", "--stdin"]
    flawed = subprocess.run(
        [*command, "--literally"], input=body.encode(), capture_output=True, check=True
    )
    source.git("update-ref", MAIN, flawed.stdout.decode().strip())
    assert fetch(mirror, remote) == flawed.stdout.decode().strip()


@pytest.mark.row("G11")
def test_a_tree_with_a_hostile_name_is_refused(
    mirror: Git, source: Repository, remote: Remote
) -> None:
    blob = source.git("rev-parse", "HEAD:a.txt")
    tree = b"100644 .git\0" + bytes.fromhex(blob)
    command = ["git", "-C", str(source.path), "hash-object", "-t", "tree", "-w", "--stdin"]
    made = subprocess.run([*command, "--literally"], input=tree, capture_output=True, check=True)
    commit = source.git("commit-tree", "-m", "x", made.stdout.decode().strip())
    source.git("update-ref", MAIN, commit)
    with pytest.raises(SupervisorError, match="git"):
        fetch(mirror, remote)


def test_two_threads_may_create_one_mirror(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "race" / "m.git"
    errors: list[Exception] = []

    def create() -> None:
        try:
            Git(shell, path).create()
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [entry.name for entry in path.parent.iterdir()] == ["m.git"]


def test_a_checkout_becomes_the_commit_and_leaves_other_files_alone(
    mirror: Git, source: Repository, remote: Remote, checkout: Checkout
) -> None:
    first = fetch(mirror, remote)
    assert checkout.to(first) == {"a.txt": "one\n", "folder/b.txt": "b\n"}
    (checkout.tree / "a.txt").write_text("ONE\n")
    (checkout.tree / "data").write_text("kept")
    inode = checkout.tree.stat().st_ino
    assert checkout.to(first) == {"a.txt": "one\n", "folder/b.txt": "b\n", "data": "kept"}
    source.commit({"a.txt": "two\n"}, remove=["folder/b.txt"])
    assert checkout.to(fetch(mirror, remote)) == {"a.txt": "two\n", "data": "kept"}
    assert not (checkout.tree / "folder").exists()
    assert checkout.tree.stat().st_ino == inode
    assert checkout.to(git_empty_tree()) == {"data": "kept"}


def git_empty_tree() -> str:
    return "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_deleted_file_comes_back(mirror: Git, remote: Remote, checkout: Checkout) -> None:
    commit = fetch(mirror, remote)
    checkout.to(commit)
    (checkout.tree / "a.txt").unlink()
    assert "a.txt" in checkout.to(commit)


@pytest.mark.row("G14")
@pytest.mark.parametrize("content", [b"", b"DIRC", b"garbage" * 100, None])
def test_a_damaged_index_is_made_anew(
    mirror: Git, remote: Remote, checkout: Checkout, content: bytes | None
) -> None:
    commit = fetch(mirror, remote)
    checkout.to(commit)
    whole = checkout.index.read_bytes()
    checkout.index.write_bytes(whole[: len(whole) // 2] if content is None else content)
    (checkout.tree / "a.txt").write_text("changed")
    assert checkout.to(commit)["a.txt"] == "one\n"


@pytest.mark.row("G14")
def test_a_lock_of_a_killed_git_is_no_hindrance(
    mirror: Git, remote: Remote, checkout: Checkout
) -> None:
    commit = fetch(mirror, remote)
    checkout.to(commit)
    checkout.index.with_name("tree.index.lock").touch()
    assert "a.txt" in checkout.to(commit)


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    "harm", ["no objects", "no HEAD", "a pack of zeros", "an empty object", "no blob"]
)
def test_a_damaged_mirror_is_made_anew(
    mirror: Git, source: Repository, remote: Remote, checkout: Checkout, harm: str
) -> None:
    commit = fetch(mirror, remote)
    objects = mirror.mirror / "objects"
    if harm == "a pack of zeros":
        (pack,) = objects.glob("pack/*.pack")
        pack.chmod(0o644)
        pack.write_bytes(bytes(pack.stat().st_size))
    elif harm == "no objects":
        shutil.rmtree(objects)
        objects.mkdir()
    elif harm == "no HEAD":
        (mirror.mirror / "HEAD").unlink()
    else:
        (pack,) = objects.glob("pack/*.pack")
        packed = pack.rename(mirror.mirror / "packed").read_bytes()
        pack.with_suffix(".idx").unlink()
        command = ["git", f"--git-dir={mirror.mirror}", "unpack-objects", "-q"]
        subprocess.run(command, input=packed, check=True)
        name = commit if harm == "an empty object" else source.git("rev-parse", "HEAD:a.txt")
        path = objects / name[:2] / name[2:]
        path.chmod(0o644)
        path.unlink() if harm == "no blob" else path.write_bytes(b"")

    def deploy() -> dict[str, str]:
        if not mirror.has_commit(commit):
            assert fetch(mirror, remote) == commit
        return checkout.to(commit)

    if harm == "no blob":
        with pytest.raises(MirrorDamaged):
            deploy()
        mirror.discard()
        mirror.create()
    assert deploy()["a.txt"] == "one\n"


def test_a_damaged_server_costs_the_mirror_nothing(
    mirror: Git, source: Repository, remote: Remote
) -> None:
    kept = fetch(mirror, remote)
    source.commit({"a.txt": "two\n"})
    name = source.git("rev-parse", "HEAD:a.txt")
    (source.path / ".git/objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(SupervisorError):
        fetch(mirror, remote)
    assert mirror.has_commit(kept)


@pytest.mark.row("G9")
def test_no_hook_runs(mirror: Git, remote: Remote, checkout: Checkout, tmp_path: Path) -> None:
    hooks = mirror.mirror / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        (hooks / name).chmod(0o755)
    checkout.to(fetch(mirror, remote))
    mirror.collect_garbage(20)
    assert not (tmp_path / "hooked").exists()


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c touch% {0}/injected", "--upload-pack=touch {0}/injected", "-u{0}", "git://h/r"],
)
def test_a_hostile_url_runs_nothing(shell: Shell, mirror: Git, tmp_path: Path, url: str) -> None:
    hostile = Remote(url.format(tmp_path))
    with pytest.raises(SupervisorError):
        ls_remote(shell, hostile, [MAIN], 20)
    with pytest.raises(SupervisorError):
        fetch(mirror, hostile)
    assert not (tmp_path / "injected").exists()


def test_a_hostile_reference_runs_nothing(mirror: Git, remote: Remote, tmp_path: Path) -> None:
    for reference in (
        f"--upload-pack=touch {tmp_path}/injected",
        f"refs/heads/$(touch {tmp_path}/injected)",
    ):
        with pytest.raises(SupervisorError):
            fetch(mirror, remote, reference)
    assert not (tmp_path / "injected").exists()


def test_a_reference_that_is_gone_is_called_so(mirror: Git, remote: Remote) -> None:
    for reference in ("refs/heads/none", "1" * 40):
        with pytest.raises(ReferenceNotFound):
            fetch(mirror, remote, reference)


def test_deleted_references_are_gone(mirror: Git, source: Repository, remote: Remote) -> None:
    fetch(mirror, remote)
    mirror.delete_references(TARGET.rpartition("/")[0])
    mirror.delete_references(TARGET.rpartition("/")[0])
    refs = subprocess.run(
        ["git", f"--git-dir={mirror.mirror}", "for-each-ref"], capture_output=True, check=True
    )
    assert refs.stdout == b""


def test_garbage_collection_keeps_what_is_referenced(
    mirror: Git, source: Repository, remote: Remote
) -> None:
    commit = fetch(mirror, remote)
    mirror.collect_garbage(20)
    assert mirror.has_commit(commit)


@pytest.mark.row("G13")
def test_a_repository_of_another_user_is_explained(
    shell: Shell, source: Repository, remote: Remote
) -> None:
    if os.getuid():
        pytest.skip("only root can give a folder away")
    for path in (source.path, source.path / ".git"):
        os.chown(path, 65534, 65534)
    with pytest.raises(SupervisorError, match="another user"):
        ls_remote(shell, remote, [MAIN], 20)


def test_a_path_without_repository_is_called_so(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFound):
        ls_remote(shell, Remote((tmp_path / "none").as_uri()), [MAIN], 20)


def served(server: GitServer, source: Repository, token: str | None = None) -> Remote:
    username = server.username if token else None
    return Remote(server.url(source.path / ".git"), username, token)


def test_credentials_are_used(
    shell: Shell, mirror: Git, source: Repository, git_server: GitServer
) -> None:
    remote = served(git_server, source, git_server.password)
    assert ls_remote(shell, remote, [MAIN], 20) == {MAIN: source.head}
    assert fetch(mirror, remote) == source.head


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, RepositoryDenied),
        (403, RepositoryDenied),
        (404, RepositoryNotFound),
        (500, RepositoryUnreachable),
        (503, RepositoryUnreachable),
    ],
)
def test_an_answer_of_a_server_has_a_word(
    shell: Shell,
    source: Repository,
    git_server: GitServer,
    status: int,
    kind: type[SupervisorError],
) -> None:
    git_server.faults.status = status
    for token in (None, TOKEN):
        with pytest.raises(kind) as caught:
            ls_remote(shell, served(git_server, source, token), [MAIN], 20)
        assert TOKEN not in str(caught.value)


def test_no_credentials_is_a_denial_and_never_a_question(
    shell: Shell, source: Repository, git_server: GitServer
) -> None:
    with pytest.raises(RepositoryDenied, match="git_token"):
        ls_remote(shell, served(git_server, source), [MAIN], 20)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/r", "http://no-such-host.invalid/r"])
def test_a_server_that_is_not_there_is_unreachable(shell: Shell, url: str) -> None:
    with pytest.raises(RepositoryUnreachable):
        ls_remote(shell, Remote(url), [MAIN], 20)


def test_a_broken_connection_is_unreachable(
    shell: Shell, source: Repository, git_server: GitServer
) -> None:
    git_server.faults.reset = True
    with pytest.raises(RepositoryUnreachable):
        ls_remote(shell, served(git_server, source), [MAIN], 20)


def command_lines() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_the_token_is_in_no_command_line_and_no_file(
    shell: Shell, mirror: Git, source: Repository, git_server: GitServer
) -> None:
    git_server.password = TOKEN
    remote = served(git_server, source, TOKEN)
    assert TOKEN not in repr(remote)
    fetch(mirror, remote)
    git_server.faults.stall = True
    errors: list[SupervisorError] = []

    def stalled() -> None:
        try:
            mirror.fetch(remote, MAIN, TARGET, 100)
        except SupervisorError as error:
            errors.append(error)

    thread = threading.Thread(target=stalled)
    thread.start()
    wait_until(lambda: "remote-http" in command_lines(), "git talks to the server")
    seen = ""
    for _ in range(10):
        seen += command_lines()
        time.sleep(0.02)
    shell.cancellation.cancel("enough was seen")
    thread.join()
    assert isinstance(errors[0], CommandCancelled)
    assert errors[0].command == "git fetch"
    assert TOKEN not in seen
    files = (path for path in mirror.mirror.rglob("*") if path.is_file())
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)

"""Large files come from the repository's own server, and what can't be had is called so."""

import base64
import json
import os
import shutil
from pathlib import Path

import pytest

from supervisor.commands.git.lfs import fetch_large_files, forget_large_files
from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import DeployRefused, LargeFilesMissing, RepositoryDenied
from tests.support.authority import Authority
from tests.support.git_http import GitServer
from tests.support.repository import Repository
from tests.support.ssh_server import SshServer


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that keeps a file in Git LFS."""
    repository = Repository(tmp_path / "repository")
    repository.keep_large("*.bin")
    repository.commit({"large.bin": "large 1"})
    assert "oid sha256" in repository.git("show", "HEAD:large.bin")
    return repository


MAIN, TARGET = "refs/heads/main", "refs/supervisor/x/target"


@pytest.fixture
def mirror(tmp_path: Path) -> Git:
    mirror = Git(Shell(), tmp_path / "mirrors" / "m.git")
    mirror.create()
    return mirror


def check_out(mirror: Git, commit: str) -> str:
    folder = mirror.mirror.parent / "tree"
    mirror.checkout(commit, folder, folder.with_name("index"), 20)
    return (folder / "large.bin").read_text()


@pytest.mark.row("G10")
def test_the_server_of_an_lfsconfig_is_not_asked(
    mirror: Git, repository: Repository, git_server: GitServer, tmp_path: Path
) -> None:
    with GitServer(tmp_path, anonymous=True) as elsewhere:
        url = f"{elsewhere.url(repository.path)}.git/info/lfs"
        commit = repository.commit({".lfsconfig": f"[lfs]\n\turl = {url}\n"})
        remote = Remote(git_server.url(repository.path), "git", git_server.password)
        mirror.fetch(remote, MAIN, TARGET, 20)
        with pytest.raises(LargeFilesMissing):
            check_out(mirror, commit)
        fetch_large_files(mirror, remote, commit, 20)
        assert check_out(mirror, commit) == "large 1"
        assert elsewhere.requests == []


def test_a_file_that_the_server_lacks_or_denies_is_called_so(
    mirror: Git, repository: Repository, git_server: GitServer
) -> None:
    remote = Remote(git_server.url(repository.path), "git", git_server.password)
    commit = mirror.fetch(remote, MAIN, TARGET, 20)
    stranger = Remote(remote.url, "git", "wrong")
    with pytest.raises(RepositoryDenied, match="git_token"):
        fetch_large_files(mirror, stranger, commit, 20)
    shutil.rmtree(repository.path / ".git/lfs")
    with pytest.raises(DeployRefused, match="git lfs push"):
        fetch_large_files(mirror, remote, commit, 20)
    with pytest.raises(LargeFilesMissing):
        check_out(mirror, commit)


def test_a_private_authority_is_trusted_for_large_files_too(
    mirror: Git, repository: Repository, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    with GitServer(tmp_path, certificate=authority.certify()) as server:
        ca_file = str(authority.certificate)
        remote = Remote(server.url(repository.path), "git", server.password, ca_file=ca_file)
        commit = mirror.fetch(remote, MAIN, TARGET, 20)
        fetch_large_files(mirror, remote, commit, 20)
    assert check_out(mirror, commit) == "large 1"


def test_large_files_of_an_ssh_repository_are_fetched_with_its_key(
    mirror: Git, repository: Repository, git_server: GitServer, tmp_path: Path
) -> None:
    # What a forge offers beside git over ssh: where the files are, and a token for them.
    token = base64.b64encode(f"git:{git_server.password}".encode()).decode()
    answer = {
        "href": f"{git_server.url(repository.path)}.git/info/lfs",
        "header": {"Authorization": f"Basic {token}"},
    }
    command = tmp_path / "commands/git-lfs-authenticate"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
    command.chmod(0o755)
    with SshServer(tmp_path / "ssh", command.parent) as server:
        remote = Remote(
            server.url(repository.path),
            ssh_key=server.client_key,
            known_hosts=server.known_hosts,
        )
        commit = mirror.fetch(remote, MAIN, TARGET, 20)
        fetch_large_files(mirror, remote, commit, 20)
    assert check_out(mirror, commit) == "large 1"


def test_what_no_stack_wants_any_more_is_forgotten(
    mirror: Git, repository: Repository, git_server: GitServer
) -> None:
    remote = Remote(git_server.url(repository.path), "git", git_server.password)
    for content in ("large 1", "large 2"):
        repository.commit({"large.bin": content})
        fetch_large_files(mirror, remote, mirror.fetch(remote, MAIN, TARGET, 20), 20)
    objects = [path for path in (mirror.mirror / "lfs/objects").rglob("*") if path.is_file()]
    assert len(objects) == 2
    forget_large_files(mirror, 20)
    assert all(path.exists() for path in objects), "what is young may belong to a deploy"
    for path in objects:
        os.utime(path, (0, 0))
    forget_large_files(mirror, 20)
    assert check_out(mirror, repository.head) == "large 2"
    assert sum(path.exists() for path in objects) == 1

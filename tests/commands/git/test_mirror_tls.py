"""Git over HTTPS whose authority is a private one."""

from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.references import ls_remote
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import RepositoryUnreachable
from tests.support.authority import Authority
from tests.support.git_http import GitServer
from tests.support.repository import Repository

MAIN = "refs/heads/main"


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "source")
    repository.commit({"a.txt": "one\n"})
    return repository


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def remote_of(server: GitServer, source: Repository, authority: Authority) -> Remote:
    url = server.url(source.path / ".git")
    return Remote(url, "git", server.password, ca_file=str(authority.certificate))


def test_a_private_authority_is_trusted_where_its_file_is_named(
    shell: Shell, source: Repository, authority: Authority, tmp_path: Path
) -> None:
    with GitServer(tmp_path, certificate=authority.certify()) as server:
        remote = remote_of(server, source, authority)
        assert ls_remote(shell, remote, [MAIN], 20) == {MAIN: source.head}
        mirror = Git(shell, tmp_path / "m.git")
        mirror.create()
        assert mirror.fetch(remote, MAIN, "refs/supervisor/x/target", 20) == source.head
        with pytest.raises(RepositoryUnreachable, match="SUPERVISOR_GIT_CA_FILE"):
            ls_remote(shell, replace(remote, ca_file=None), [MAIN], 20)


@pytest.mark.row("G17")
def test_another_authority_is_not_trusted(
    shell: Shell, source: Repository, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    with GitServer(tmp_path, certificate=other.certify()) as server:
        remote = remote_of(server, source, authority)
        with pytest.raises(RepositoryUnreachable, match="not trusted"):
            ls_remote(shell, remote, [MAIN], 20)
        assert server.requests == []


def test_a_certificate_for_another_name_is_called_so(
    shell: Shell, source: Repository, authority: Authority, tmp_path: Path
) -> None:
    with GitServer(tmp_path, certificate=authority.certify("DNS:git.example.org")) as server:
        remote = remote_of(server, source, authority)
        with pytest.raises(RepositoryUnreachable, match="another host name"):
            ls_remote(shell, remote, [MAIN], 20)
        assert server.requests == []

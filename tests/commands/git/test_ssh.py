"""Git over SSH: the stack's own key alone, host keys strictly, nothing of either on disk."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.references import ls_remote
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import RepositoryDenied, RepositoryNotFound, SupervisorError
from tests.support.canaries import Canary, found_in_files
from tests.support.proc import Watch
from tests.support.repository import Repository
from tests.support.ssh_server import SshServer, make_key

MAIN = "refs/heads/main"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "source")
    repository.commit({"a.txt": "one\n"})
    return repository


@pytest.fixture
def remote(server: SshServer, source: Repository) -> Remote:
    return Remote(
        server.url(source.path), ssh_key=server.client_key, known_hosts=server.known_hosts
    )


def ask(shell: Shell, remote: Remote) -> dict[str, str]:
    return ls_remote(shell, remote, [MAIN], 20)


def refusal(shell: Shell, remote: Remote) -> str:
    with pytest.raises(RepositoryDenied) as caught:
        ask(shell, remote)
    return str(caught.value)


def test_a_repository_is_fetched_with_a_key(
    shell: Shell, remote: Remote, source: Repository, tmp_path: Path
) -> None:
    assert ask(shell, remote) == {MAIN: source.head}
    mirror = Git(shell, tmp_path / "m.git")
    mirror.create()
    assert mirror.fetch(remote, MAIN, "refs/supervisor/x/target", 20) == source.head


@pytest.mark.parametrize("form", [("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa")])
def test_keys_of_other_kinds_work_too(
    shell: Shell, server: SshServer, remote: Remote, tmp_path: Path, form: tuple[str, ...]
) -> None:
    key = make_key(tmp_path / "other", *form)
    with (server.folder / "authorized").open("a") as authorized:
        authorized.write((tmp_path / "other.pub").read_text())
    assert ask(shell, replace(remote, ssh_key=key))


def test_a_wrong_key_is_refused_and_the_word_names_the_field(
    shell: Shell, remote: Remote, tmp_path: Path
) -> None:
    stranger = make_key(tmp_path / "stranger")
    assert "git_ssh_key" in refusal(shell, replace(remote, ssh_key=stranger))


def test_a_path_that_is_no_repository_is_called_so(shell: Shell, remote: Remote) -> None:
    with pytest.raises(RepositoryNotFound):
        ask(shell, replace(remote, url=f"{remote.url}-none"))


@pytest.mark.row("G18")
def test_an_unknown_host_key_is_an_error_with_its_fingerprint(
    shell: Shell, server: SshServer, remote: Remote
) -> None:
    elsewhere = server.known_hosts.replace("127.0.0.1", "192.0.2.1")
    message = refusal(shell, replace(remote, known_hosts=elsewhere))
    assert "is not known" in message
    assert server.fingerprint in message
    assert "git_known_hosts" in message


@pytest.mark.row("G18")
def test_a_changed_host_key_is_an_error_with_its_fingerprint(
    shell: Shell, server: SshServer, remote: Remote
) -> None:
    server.change_host_key()
    message = refusal(shell, remote)
    assert "has changed" in message
    assert server.fingerprint in message
    assert ask(shell, replace(remote, known_hosts=server.known_hosts))


def test_a_revoked_host_key_is_an_error(shell: Shell, server: SshServer, remote: Remote) -> None:
    both = f"{server.known_hosts}@revoked {server.known_hosts}"
    assert "revoked" in refusal(shell, replace(remote, known_hosts=both))


def test_a_file_for_all_serves_the_stacks_without_known_hosts(
    shell: Shell, server: SshServer, remote: Remote, tmp_path: Path
) -> None:
    file = tmp_path / "known hosts"
    file.write_text(server.known_hosts)
    shared = replace(remote, known_hosts=None, known_hosts_file=str(file))
    assert ask(shell, shared)
    # What the stack has itself counts alone.
    elsewhere = server.known_hosts.replace("127.0.0.1", "192.0.2.1")
    assert "is not known" in refusal(shell, replace(shared, known_hosts=elsewhere))
    file.unlink()
    assert str(file) in refusal(shell, shared)


def test_the_key_is_in_no_argument_list_no_environment_and_no_file(
    shell: Shell, server: SshServer, remote: Remote, tmp_path: Path
) -> None:
    body = server.client_key.splitlines()[2]
    canary = Canary("ssh key", body)
    assert body not in repr(remote)
    mirror = Git(shell, tmp_path / "mirrors" / "m.git")
    mirror.create()
    environments: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for process in psutil.process_iter():
                try:
                    if process.name() in ("git", "ssh", "sh"):
                        environments.add(Path(f"/proc/{process.pid}/environ").read_bytes())
                except (OSError, psutil.Error):
                    continue
            time.sleep(0.01)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with Watch() as watch:
            mirror.fetch(remote, MAIN, "refs/supervisor/x/target", 20)
    finally:
        done.set()
        looking.join()
    assert any(b"GIT_SSH_COMMAND" in each for each in environments)
    assert watch.saw(b"IdentityFile=/proc/")
    assert not any(canary.found_in(each) for each in watch.seen | environments)
    assert found_in_files([canary], tmp_path) == []


@pytest.mark.parametrize("url", ["ssh://-oProxyCommand=touch%20{0}/x/r", "ssh://-oX=@h{0}/r"])
def test_an_address_that_looks_like_an_option_runs_nothing(
    shell: Shell, tmp_path: Path, url: str
) -> None:
    with pytest.raises(SupervisorError):
        ask(shell, Remote(url.format(tmp_path), ssh_key="x", known_hosts="y"))
    assert list(tmp_path.iterdir()) == []

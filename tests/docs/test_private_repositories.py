"""docs/private-repositories.md: its commands send what a private repository needs."""

import json
from pathlib import Path

from tests.conftest import StartService
from tests.docs.pages import blocks, page
from tests.docs.terminal import Terminal
from tests.support.git_http import GitServer
from tests.support.packages import have
from tests.support.repository import Repository
from tests.support.service import API_KEY
from tests.support.ssh_server import SshServer

PAGE = page("docs/private-repositories.md")
HTTPS = "https://git.example.org/group/shop.git"
SSH = "ssh://git@git.example.org/group/shop.git"


def block_with(address: str) -> str:
    (script,) = [b.text for b in blocks(PAGE) if b.language == "sh" and address in b.text]
    return script


def test_a_token_and_a_key_are_sent_from_files_and_open_the_repository(
    start_service: StartService, repository: Repository, git_server: GitServer, tmp_path: Path
) -> None:
    have("curl")
    service = start_service()
    terminal = Terminal(tmp_path)
    terminal.run(f"SUPERVISOR={service.url} KEY={API_KEY}")
    (tmp_path / "token").write_text(f"{git_server.password}\n")
    script = block_with(HTTPS).replace(HTTPS, git_server.url(repository.path))
    stack = json.loads(terminal.run(script))
    assert stack["git_token"] == "********"
    service.wait_for_run(stack["uuid"])

    with SshServer(tmp_path / "ssh") as server:
        (tmp_path / "supervisor-key").write_text(server.client_key)
        (tmp_path / "known_hosts").write_text(server.known_hosts)
        terminal.run(f"STACK={stack['uuid']}")
        script = block_with(SSH).replace(SSH, server.url(repository.path))
        assert json.loads(terminal.run(script))["git_ssh_key"] == "********"
        assert service.wait_for_run(stack["uuid"])["action"] == "redeploy"

"""What git and ssh say becomes a word of ours, and tells what to do."""

# ruff: noqa: E501 - the messages are as git prints them

import pytest

from supervisor.commands.git.errors import explain
from supervisor.errors import (
    CommandFailed,
    DiskFull,
    ReferenceNotFound,
    RepositoryDenied,
    RepositoryNotFound,
    RepositoryUnreachable,
    SupervisorError,
)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: Authentication failed for 'https://h/r/'", RepositoryDenied),
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", RepositoryDenied),
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", RepositoryDenied),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", RepositoryDenied),
        ("fatal: unable to access 'https://h/r/': The requested URL returned error: 403", RepositoryDenied),
        ("fatal: repository 'https://h/r/' not found", RepositoryNotFound),
        ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", RepositoryNotFound),
        ("fatal: '/x' does not appear to be a git repository", RepositoryNotFound),
        ("fatal: couldn't find remote ref refs/heads/x", ReferenceNotFound),
        ("fatal: remote error: upload-pack: not our ref 11111", ReferenceNotFound),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", RepositoryUnreachable),
        ("ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.", RepositoryUnreachable),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 502", RepositoryUnreachable),
        ("fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate", RepositoryUnreachable),
        ("fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none", RepositoryUnreachable),
        ("fatal: unable to access 'https://h/': Operation too slow. Less than 1000 bytes/sec", RepositoryUnreachable),
        ("fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF", RepositoryUnreachable),
        ("error: unable to write file x: No space left on device\nfatal: index-pack failed", DiskFull),
        ("error: unable to write file x", DiskFull),
        ("fatal: unable to write new index file", DiskFull),
    ],
)  # fmt: skip
def test_the_cause_is_named(said: str, kind: type[SupervisorError]) -> None:
    assert type(explain(CommandFailed("git fetch", 128, said))) is kind


def test_what_is_not_known_stays_as_it_is() -> None:
    error = CommandFailed("git fetch", 128, "fatal: something new")
    assert explain(error) is error

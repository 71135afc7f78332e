"""The whole environment of a git command; its settings too, so that `ps` stays readable."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from supervisor.commands.git.remote import Remote
from supervisor.commands.git.ssh import read_known_hosts, ssh_command
from supervisor.commands.process.memory_file import memory_file

ASKPASS = str(Path(__file__).with_name("askpass.sh"))
PASSED_ON = ("PATH", "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
# https://git-scm.com/docs/git-config tells of each.
SETTINGS = {
    "core.hooksPath": "/dev/null",
    "credential.helper": "",
    # Where git-lfs is missing, or the file, the checkout fails instead of leaving a pointer:
    # https://git-scm.com/docs/gitattributes
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "true",
    "gc.auto": "0",
    "http.followRedirects": "false",  # the token must not go to another host
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "transfer.fsckObjects": "true",
    # Old but honest histories have these; they can do no harm to a checkout:
    # https://git-scm.com/docs/git-fsck
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
}

# Or git-lfs would ask whatever server a `.lfsconfig` names; git's own settings win over that:
# https://github.com/git-lfs/git-lfs/blob/main/docs/man/git-lfs-config.adoc
ASKING_NO_SERVER = {"lfs.url": "none"}


@contextmanager
def git_environment(
    remote: Remote | None = None, *, verbose: bool = False
) -> Iterator[dict[str, str]]:
    """Give the environment of one command; what it holds in memory is gone afterwards."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    with ExitStack() as files:
        settings = SETTINGS | (_asking(remote) if remote else ASKING_NO_SERVER)
        if remote:
            environment |= _credentials(remote, files)
            environment["GIT_SSH_COMMAND"] = _ssh(remote, files, verbose)
        yield environment | _as_variables(settings)


def _asking(remote: Remote) -> dict[str, str]:
    # git-lfs derives its server from the first. By default it tries eight times, for minutes.
    settings = {"remote.origin.url": remote.url, "lfs.transfer.maxretries": "3"}
    return settings | ({"http.sslCAInfo": remote.ca_file} if remote.ca_file else {})


def _credentials(remote: Remote, files: ExitStack) -> dict[str, str]:
    if not remote.token:
        return {}
    parts = urlsplit(remote.url)
    return {
        "GIT_ASKPASS": ASKPASS,
        "SUPERVISOR_GIT_SCHEME": parts.scheme,
        "SUPERVISOR_GIT_HOST": parts.netloc,
        "SUPERVISOR_GIT_USERNAME": remote.username or "git",
        "SUPERVISOR_GIT_TOKEN": remote.token,
        "SUPERVISOR_GIT_ASKED": files.enter_context(memory_file(b"")),
    }


def _ssh(remote: Remote, files: ExitStack, verbose: bool) -> str:
    known = remote.known_hosts
    if not known and remote.known_hosts_file and remote.url.startswith("ssh:"):
        known = read_known_hosts(remote.known_hosts_file)
    return ssh_command(files, remote.ssh_key, known, verbose=verbose)


def _as_variables(settings: dict[str, str]) -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables

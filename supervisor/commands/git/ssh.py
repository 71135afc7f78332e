"""The ssh command that git is to use: strict with host keys, with a stack's own key in memory."""

from contextlib import ExitStack
from pathlib import Path

from supervisor.commands.process.memory_file import memory_file
from supervisor.errors import RepositoryDenied

# https://man.openbsd.org/ssh_config tells of each.
OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "ConnectTimeout": "15",
}


def ssh_command(
    files: ExitStack, key: str | None, known_hosts: str | None, *, verbose: bool = False
) -> str:
    """Return the command as GIT_SSH_COMMAND takes it; its files last as long as `files`.

    What isn't given is the machine's own. `verbose` has ssh tell which host key it was shown.
    """
    words, options = ["ssh"], dict(OPTIONS)
    if key:
        # Only this one: the machine's own settings, agent and keys are not the stack's.
        path = files.enter_context(memory_file(key.encode()))
        words += ["-F", "/dev/null"]
        options |= {"IdentityFile": path, "IdentitiesOnly": "yes", "IdentityAgent": "none"}
    if known_hosts:
        path = files.enter_context(memory_file(known_hosts.encode()))
        options |= {"UserKnownHostsFile": path, "GlobalKnownHostsFile": "/dev/null"}
    if verbose:
        options["LogLevel"] = "DEBUG1"
    return " ".join(words + [f"-o{name}={value}" for name, value in options.items()])


def read_known_hosts(path: str) -> str:
    """Return a known_hosts file as it is now; raise RepositoryDenied where that can't be read."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError as error:
        raise RepositoryDenied(f"{path} cannot be read: {error.strerror}") from None

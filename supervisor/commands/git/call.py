"""One call of git: its environment, how long it may take, and what it says when it fails."""

from pathlib import Path

from supervisor.commands.git.environment import git_environment
from supervisor.commands.git.errors import explain, hides_fingerprint
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import CommandFailed

LOCAL_SECONDS = 60


def run_git(
    shell: Shell,
    *arguments: str,
    seconds: float = LOCAL_SECONDS,
    remote: Remote | None = None,
    cwd: Path | None = None,
    index: Path | None = None,
) -> str:
    """Run a git command and return what it prints; raise CommandFailed or a word for the cause.

    It gets the credentials of a remote, and an index that isn't the repository's own, where given.
    """
    argv = ["git", *arguments]
    more = {"GIT_INDEX_FILE": str(index)} if index else {}

    def once(*, verbose: bool) -> str:
        with git_environment(remote, verbose=verbose) as environment:
            return shell.capture(argv, env=environment | more, seconds=seconds, cwd=cwd)

    try:
        return once(verbose=False)
    except CommandFailed as error:
        if not hides_fingerprint(error):
            raise explain(error) from None
    try:  # ssh tells which host key it was shown only where its log is verbose
        return once(verbose=True)
    except CommandFailed as error:
        raise explain(error) from None


def git_version(shell: Shell, seconds: float) -> str:
    """Return which git there is; raise CommandMissing."""
    return run_git(shell, "--version", seconds=seconds).strip()

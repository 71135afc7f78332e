"""What git says on standard error, in our words, with what to do about it."""

import re

from supervisor.commands.patterns import between
from supervisor.errors import (
    CommandFailed,
    DeployRefused,
    DiskFull,
    LargeFilesMissing,
    ReferenceNotFound,
    RepositoryDenied,
    RepositoryNotFound,
    RepositoryUnreachable,
    SupervisorError,
)

GONE = between("repository '", "' not found")
# First match wins; the patterns are git's and ssh's English messages (LC_ALL=C).
TABLE: tuple[tuple[str, type[SupervisorError], str], ...] = (
    (
        # Where a checkout runs out of room, git doesn't say why it is "unable to write".
        r"No space left on device|Disk quota exceeded|unable to write (new )?(index )?file",
        DiskFull,
        "The disk is full: free space in Supervisor's storage",
    ),
    (
        r"smudge filter lfs failed|git-lfs: (command )?not found",
        LargeFilesMissing,
        "Files that are kept in Git LFS are not here",
    ),
    (
        r"Permission denied \([a-z,-]*publickey",
        RepositoryDenied,
        "The git server refused the SSH key: check git_ssh_key, and that its public half is there",
    ),
    (
        r"Authentication failed|could not read (Username|Password)|error: 40[13]\b"
        r"|Permission denied \(|HTTP Basic: Access denied"
        rf"|{between('Git credentials for ', ' not found')}",
        RepositoryDenied,
        "The repository refused access: check git_username and git_token",
    ),
    (
        r"\bssh: (command )?not found|cannot run ssh",
        SupervisorError,
        "ssh is not installed: install openssh-client",
    ),
    (
        rf"{GONE}|error: 404\b|does not appear to be a git repository"
        r"|Repository not found|: No such file or directory",
        RepositoryNotFound,
        "There is no such repository: check git_repository",
    ),
    (
        r"Object does not exist",
        DeployRefused,
        "The server lacks a file that is kept in Git LFS: push it with git lfs push",
    ),
    (
        r"fsck error",
        DeployRefused,
        "The repository holds something that git refuses as dangerous",
    ),
    (
        r"dubious ownership",
        RepositoryDenied,
        "The repository's folder belongs to another user: change its owner to Supervisor's user",
    ),
    (
        r"couldn't find remote ref|not our ref|no such remote ref|unadvertised object",
        ReferenceNotFound,
        "The repository has no such branch, tag or commit: check git_reference",
    ),
    (
        between("transport '", "' not allowed"),
        RepositoryDenied,
        "This kind of URL is not allowed: use https, ssh, http or file",
    ),
    (
        r"error: 3\d\d\b|unable to update url base from redirection",
        RepositoryDenied,
        "The git server answered with a redirect: put the new address into git_repository",
    ),
    (
        rf"{between('certificate', ' does not match')}|no alternative certificate subject",
        RepositoryUnreachable,
        "The git server's certificate is for another host name: check git_repository",
    ),
    (
        r"certificate",
        RepositoryUnreachable,
        "The git server's certificate is not trusted: where a private authority signed it, name"
        " that one's file in SUPERVISOR_GIT_CA_FILE",
    ),
    (
        r"Could not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset|timed"
        r" out)|Operation too slow|early EOF|Empty reply|unexpected disconnect|hung up|error: 5\d\d"
        r"|Could not read from remote repository|RPC failed|unable to access",
        RepositoryUnreachable,
        "The git server cannot be reached",
    ),
)

HOST_KEY = "Host key verification failed"
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]+")

DAMAGED = re.compile(
    r"bad object refs/|loose object|is corrupt|missing (blob|tree|commit)"
    rf"|unable to read (sha1 file|tree)|{between('object file ', ' is empty')}"
    r"|failed to unpack tree object|could not be accessed|not a git repository"
    rf"|bad (pack|tree) object|{between('packfile ', ' (is|not|cannot)')}|is not a GIT packfile"
)


def is_damage(error: CommandFailed) -> bool:
    """Tell whether git stumbled over the local copy; a server's own trouble is marked remote."""
    lines = error.output.splitlines()
    return any(DAMAGED.search(line) for line in lines if not line.startswith("remote:"))


def hides_fingerprint(error: CommandFailed) -> bool:
    """Tell whether ssh refused a host key without saying which one."""
    return HOST_KEY in error.output and not FINGERPRINT.search(error.output)


def explain(error: CommandFailed) -> SupervisorError:
    """Return the error in the domain's words, git's last line behind them."""
    if HOST_KEY in error.output:
        return RepositoryDenied(_host_key(error.output))
    for pattern, kind, words in TABLE:
        if re.search(pattern, error.output):
            return kind(f"{words} ({_reason(error.output)})")
    return error


def _host_key(output: str) -> str:
    """Return what to do about a host key; its fingerprint tells whether it is the right one."""
    found = FINGERPRINT.search(output)
    shown = found.group() if found else "not told"
    if "REVOKED HOST KEY" in output:
        return f"The git server's host key is marked as revoked in the known hosts: {shown}"
    if "has changed" in output:
        return (
            f"The git server's host key has changed, it is {shown} now: somebody may pretend to be"
            " the server. If its owner confirms this fingerprint, put the new key into"
            " git_known_hosts"
        )
    return (
        f"The git server's host key is not known, it is {shown}: compare this fingerprint with"
        " what the server's owner tells, then put the line that ssh-keyscan prints for the"
        " server into git_known_hosts"
    )


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or ["no output"])[-1][:300]

"""What a command's process is given before and as it starts."""

import ctypes
import errno
import os
import resource
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import CommandFailed, CommandMissing

CANNOT_START = 126  # the shell's code for it
# The kernel's limits are 128 KiB for one argument and, in all, a quarter of the stack's 8 MiB:
# https://man7.org/linux/man-pages/man2/execve.2.html
LONGEST_ARGUMENT_BYTES = 128 * 1024 - 1
ARGUMENTS_BYTES = 1536 * 1024
PR_SET_PDEATHSIG = 1

# Looked up here: in the forked child the loader's lock may be held by a thread that isn't there.
_prctl = ctypes.CDLL(None).prctl


@dataclass(frozen=True)
class ResourceLimits:
    """What the kernel lets each process of a command have; None means no limit."""

    memory_bytes: int | None = None
    cpu_seconds: int | None = None

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return a command line that sets the limits and becomes the command.

        Set in the forked copy of the service itself, the memory limit would be exceeded before
        the command starts.
        """
        memory = str(self.memory_bytes // 1024) if self.memory_bytes else "unlimited"
        seconds = str(self.cpu_seconds or "unlimited")
        script = 'ulimit -v "$1" && ulimit -t "$2" && shift 2 && exec "$@"'
        return ["/bin/sh", "-c", script, "sh", memory, seconds, *argv]


def check_arguments(name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise CommandFailed for what the kernel would refuse, or `sh` silently leave out."""
    values = [*argv, *env.keys(), *env.values()]
    if not all(isinstance(value, str) for value in values):
        raise TypeError(f"{name}: every argument must be a string")
    if any("\0" in value for value in values):
        raise CommandFailed(name, CANNOT_START, "an argument contains the character NUL")
    try:
        lengths = [len(value.encode()) for value in values]
    except UnicodeEncodeError:
        raise CommandFailed(name, CANNOT_START, "an argument is not valid Unicode") from None
    if max(lengths) > LONGEST_ARGUMENT_BYTES or sum(lengths) > ARGUMENTS_BYTES:
        raise CommandFailed(name, CANNOT_START, "the arguments are too long")


def find_executable(name: str, env: Mapping[str, str]) -> str:
    """Return the path of an executable; raise CommandMissing if there is none."""
    path = shutil.which(name, path=env.get("PATH", os.defpath))
    if path is None:
        raise CommandMissing(name)
    return path


def check_folder(name: str, folder: Path | None) -> None:
    """Raise CommandFailed if the command cannot start in this folder."""
    if folder is not None and not folder.is_dir():
        text = f"{os.strerror(errno.ENOENT)}: {folder}"
        raise CommandFailed(name, CANNOT_START, text)


def prepare() -> Callable[[], None]:
    """Return what the forked child does: end with the service, leave no core file."""
    parent = os.getpid()

    def in_child() -> None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the service ended before the line above
            os._exit(CANNOT_START)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return in_child

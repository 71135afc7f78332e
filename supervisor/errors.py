"""The words for what goes wrong. They know neither HTTP nor Flask."""

from collections.abc import Mapping


class SupervisorError(Exception):
    """Anything Supervisor says in its own words."""

    retry = False
    """Whether the same run may succeed later without anybody changing anything."""


class Broken(SupervisorError):
    """A mistake in Supervisor, whose trace is in its log."""

    def __str__(self) -> str:
        return "internal error, see Supervisor's own log"


class ConfigInvalid(SupervisorError):
    """The settings cannot be used; holds the messages of each."""

    def __init__(self, messages: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name} {', '.join(m)}" for name, m in messages.items()))
        self.messages = messages


class WrongKey(SupervisorError):
    """What is stored was encrypted with another key."""

    def __str__(self) -> str:
        return (
            "SUPERVISOR_SECRET_KEY_BASE is not the key that this storage was encrypted with. "
            "Start with the former key; nothing was changed."
        )


class StorageInUse(SupervisorError):
    """Another process has this storage."""


class StorageError(Exception):
    """The database did not do what was asked of it; `reason` is what it said itself.

    No SupervisorError: those who catch one go on, as after a no from the world outside. Here a
    transaction was lost.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class StorageBroken(StorageError):
    """The database cannot be used as things are: a disk that fails, or may not be written to."""


class StorageFull(StorageBroken):
    """The disk has no room for what is to be stored."""


class StorageBusy(StorageBroken):
    """Another program has had the database for too long."""


class NotUnique(StorageError):
    """Another row has this already."""

    @property
    def column(self) -> str:
        """Return where, as TABLE.COLUMN."""
        return self.reason.rpartition(": ")[2]


class BackupRefused(SupervisorError):
    """A file cannot be put in the place of the database."""


class SchemaMismatch(SupervisorError):
    """The database is not at the revision that this release works with."""

    def __str__(self) -> str:
        return "the database is not at this release's revision: restart Supervisor"


class SchemaTooNew(SupervisorError):
    """The database was written by a newer release."""


class StackInvalid(SupervisorError):
    """Fields of a stack are wrong; `messages` has a list for each field."""

    def __init__(self, messages: Mapping[str, list[str]]) -> None:
        super().__init__("Invalid stack")
        self.messages = messages


class StackNotFound(SupervisorError):
    """No stack has this id."""

    def __str__(self) -> str:
        return "Stack not found"


class RunNotFound(SupervisorError):
    """The stack has no run with this id."""

    def __str__(self) -> str:
        return "Run not found"


class LimitReached(SupervisorError):
    """There are as many of these as a setting allows."""


class WrongStrategy(SupervisorError):
    """A webhook came for a stack that does not follow webhooks."""

    def __str__(self) -> str:
        return "Stack strategy is not webhook"


class SignatureInvalid(SupervisorError):
    """A delivery's signature is missing or wrong."""

    def __str__(self) -> str:
        return "Payload signature is invalid"


class DeployRefused(SupervisorError):
    """The commit cannot be deployed as it is; the message says what to change."""


class HostPathUnknown(SupervisorError):
    """Nobody can tell where on the host the storage is, so bind mounts would be empty."""


class HandedOver(SupervisorError):
    """A helper container goes on with the run; what comes of it is yet to be seen."""


class HandoverLost(SupervisorError):
    """The helper container that went on with a run is gone without a result."""


class StackIsOwn(SupervisorError):
    """Supervisor itself runs in this stack, and would be gone."""

    def __str__(self) -> str:
        return (
            "Supervisor itself runs in this stack: start it outside of the stack, then delete that"
        )


class DeployUnhealthy(SupervisorError):
    """The containers came up, but they don't stay up or don't become healthy."""


class Skipped(SupervisorError):
    """There is nothing to do; the message says why."""


class CommandFailed(SupervisorError):
    """A command ended with an error; `output` is the redacted end of what it printed."""

    def __init__(self, command: str, exit_code: int, output: str) -> None:
        super().__init__(command, exit_code, output)
        self.command, self.exit_code, self.output = command, exit_code, output

    def __str__(self) -> str:
        return f"{self.command} failed ({self.exit_code}): {self.output}"


class CommandTimedOut(SupervisorError):
    """A command took longer than its limit and was ended."""

    retry = True

    def __init__(self, command: str, seconds: float) -> None:
        super().__init__(command, seconds)
        self.command, self.seconds = command, seconds

    def __str__(self) -> str:
        return f"{self.command} took longer than {self.seconds:g} s and was ended"


class CommandCancelled(SupervisorError):
    """A command was ended because somebody asked for it."""

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(command, reason)
        self.command, self.reason = command, reason

    def __str__(self) -> str:
        return f"{self.command} was ended: {self.reason}"


class CommandMissing(SupervisorError):
    """An executable that Supervisor needs is not installed."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command

    def __str__(self) -> str:
        return f"{self.command} is not installed"


class RepositoryUnreachable(SupervisorError):
    """The git server did not answer."""

    retry = True


class RepositoryDenied(SupervisorError):
    """The git server refused the credentials."""


class RepositoryNotFound(SupervisorError):
    """The git server knows no such repository."""


class ReferenceNotFound(SupervisorError):
    """The repository has no such branch, tag or commit."""


class MirrorDamaged(SupervisorError):
    """The local copy of a repository is broken and was put away; the next run makes a new one."""

    retry = True

    def __str__(self) -> str:
        return "The local copy of the repository was damaged: it will be fetched anew"


class LargeFilesMissing(SupervisorError):
    """Files that a commit keeps in Git LFS are not here."""


class EngineUnreachable(SupervisorError):
    """The Docker engine did not answer."""

    retry = True


class EngineDenied(SupervisorError):
    """The Docker engine's socket may not be used by this user."""


class ImageNotFound(SupervisorError):
    """An image is neither here nor to be had."""


class RegistryDenied(SupervisorError):
    """The registry wants a login, or another one."""


class PortTaken(SupervisorError):
    """A port that a service publishes is in use."""


class NetworksExhausted(SupervisorError):
    """The engine has no addresses for another network."""


class FilesOfOthers(SupervisorError):
    """Containers wrote files that this user cannot remove."""

    def __init__(self, folder: object) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return (
            "Containers wrote files as other users, which Supervisor's user cannot remove:"
            f" remove {self.folder} as root"
        )


class DiskFull(SupervisorError):
    """There is no space left."""

    retry = True

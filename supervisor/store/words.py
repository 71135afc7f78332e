"""The words for what a stack is told, and for where a run stands."""

from enum import StrEnum


class Strategy(StrEnum):
    """How a stack learns of new commits."""

    POLLING = "polling"
    WEBHOOK = "webhook"


class Action(StrEnum):
    """What a run does."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    ROLLBACK = "rollback"
    HEAL = "heal"
    DELETE = "delete"

    @property
    def deploys(self) -> bool:
        """Tell whether it brings a stack to the newest commit."""
        return self in (Action.DEPLOY, Action.REDEPLOY)


class Trigger(StrEnum):
    """Who asked for a run."""

    API = "api"
    WEBHOOK = "webhook"
    POLLING = "polling"
    DRIFT = "drift"
    RECOVERY = "recovery"

    @property
    def is_automatic(self) -> bool:
        """Tell whether it comes without a person."""
        return self is not Trigger.API

    @property
    def is_by_commit(self) -> bool:
        """Tell whether somebody pushed a commit, as far as it says."""
        return self in (Trigger.WEBHOOK, Trigger.POLLING)


class Status(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def is_done(self) -> bool:
        """Tell whether nothing more comes of the run."""
        return self not in (Status.PENDING, Status.RUNNING)


class Intent(StrEnum):
    """What a person told a stack to be; no commit changes it."""

    STOPPED = "stopped"
    PAUSED = "paused"


class Blocked(StrEnum):
    """Why a commit is not deployed again by itself."""

    FAILED = "failed"
    """It was applied, did not become healthy, and was taken back."""
    LEFT = "left"
    """A person went back from it."""


class LineKind(StrEnum):
    """What a row of the log is."""

    OUTPUT = "output"
    ENTRY = "entry"


class DeliveryResult(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"

"""What a run works from: a snapshot of the stack, and its places in storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from supervisor.commands.git.remote import Remote
from supervisor.deploy.state import AppliedState


@dataclass(frozen=True)
class StackSpec:
    """A stack as it was when its run began."""

    uuid: str
    project: str
    remote: Remote
    reference: str
    compose_file: str
    compose_includes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    shallow: bool = False
    submodules: bool = False
    left_failed: bool = False
    health_timeout: int = 120
    rollback: bool = True
    applied: AppliedState | None = None
    previous: AppliedState | None = None
    digest_key: bytes = field(default=b"", repr=False)

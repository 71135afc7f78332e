"""A stack's row as the frozen values that a run works from."""

from dataclasses import dataclass, field, fields

from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Workspace
from supervisor.security.redact import Redactor
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.stacks.remotes import remote_of
from supervisor.stacks.secret_names import secret_values
from supervisor.store.models import Stack, row_values


def workspace_of(stack: Stack, config: Config) -> Workspace:
    """Return a stack's places in storage."""
    return Workspace(config.storage, stack.uuid, stack.git_repository, stack.shallow)


@dataclass(frozen=True)
class Snapshot:
    """A stack as it is now, decrypted once: for a run, or a plan, to work from."""

    spec: StackSpec
    place: Workspace
    redact: Redactor
    secret_values: list[str] = field(repr=False)


def snapshot_of(stack: Stack, config: Config) -> Snapshot:
    """Return a snapshot of the stack."""
    secrets = vault.secrets_of(stack)
    hidden = secret_values(secrets)
    spec = spec_of(stack, secrets, config)
    return Snapshot(spec, workspace_of(stack, config), Redactor(hidden), hidden)


def spec_of(stack: Stack, secrets: vault.StackSecrets, config: Config) -> StackSpec:
    """Return what a run has to know of the stack.

    What has the same name in both is copied; the rest gets another form or another name.
    """
    stored = row_values(stack) | dict(secrets)
    same = {each.name: stored[each.name] for each in fields(StackSpec) if each.name in stored}
    changed = {
        "remote": remote_of(stack, secrets, config),
        "reference": stack.git_reference,
        "compose_includes": tuple(stack.compose_includes),
        "variables": secrets.compose_variables,
        "applied": state_of(stack, stack.applied),
        "previous": state_of(stack, stack.previous),
        "digest_key": vault.digest_key(stack, secrets),
    }
    return StackSpec(**(same | changed))


def state_of(stack: Stack, sealed: bytes | None) -> AppliedState | None:
    """Open one of the stack's sealed states."""
    return AppliedState.parse(vault.open_state(stack.uuid, sealed)) if sealed else None

"""Polls: one question to a repository serves every stack on it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from supervisor.commands.git.references import full_names, is_commit, ls_remote, resolve_reference
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.errors import Broken, ReferenceNotFound, SupervisorError
from supervisor.runs import queue
from supervisor.runs.policy import is_new
from supervisor.settings.config import Config
from supervisor.stacks import vault
from supervisor.stacks.remotes import remote_of
from supervisor.store.database import writing
from supervisor.store.models import Stack, now
from supervisor.store.words import Action, Trigger

log = logging.getLogger("supervisor.checks")

LONGEST_PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class Check:
    """One question to one repository with one set of credentials."""

    remote: Remote
    stacks: Sequence[Stack]


def group(due: Iterable[Stack], config: Config) -> list[Check]:
    """Put stacks together that one question can serve."""
    groups: dict[Remote, list[Stack]] = {}
    for stack in due:
        remote = remote_of(stack, vault.secrets_of(stack), config)
        groups.setdefault(remote, []).append(stack)
    return [Check(remote, members) for remote, members in groups.items()]


def perform(check: Check, shell: Shell, seconds: float) -> None:
    """Ask for every reference at once, and submit a run where a commit is new."""
    wanted = {name for stack in check.stacks for name in _candidates(stack)}
    try:
        found = ls_remote(shell, check.remote, sorted(wanted), seconds) if wanted else {}
    except SupervisorError as error:
        _record(check.stacks, error)
        return
    except Exception:
        _record(check.stacks, Broken())
        raise
    answers = [(stack, _commit(stack, found)) for stack in check.stacks]
    missing = [stack for stack, commit in answers if commit is None]
    _record([stack for stack, commit in answers if commit], None)
    _record(missing, ReferenceNotFound("The repository has no such branch or tag"))
    _submit_new(answers)


def _candidates(stack: Stack) -> list[str]:
    reference = stack.git_reference
    return [] if is_commit(reference) else full_names(reference)


def _commit(stack: Stack, found: dict[str, str]) -> str | None:
    if is_commit(stack.git_reference):
        return stack.git_reference
    resolved = resolve_reference(found, stack.git_reference)
    return resolved[1] if resolved else None


def _submit_new(answers: Sequence[tuple[Stack, str | None]]) -> None:
    commits = {stack.id: commit for stack, commit in answers if commit and is_new(stack, commit)}
    if not commits:
        return
    with writing() as session:
        # The answer took a while: what the stacks have seen may be another commit by now.
        for stack in session.scalars(select(Stack).where(Stack.id.in_(commits))):
            if is_new(stack, commits[stack.id]):
                queue.submit(session, stack, Action.DEPLOY, Trigger.POLLING)


def _record(members: Sequence[Stack], error: SupervisorError | None) -> None:
    """Note the check and when the next one is due; a repository that fails is asked less often."""
    if not members:
        return
    at = now()
    failures = max(stack.check_failures for stack in members) + 1 if error else 0
    text = str(error) if error else None
    with writing(durable=False) as session:
        for interval in {stack.polling_interval for stack in members}:
            ids = [stack.id for stack in members if stack.polling_interval == interval]
            values = {
                "check_failures": failures,
                "check_error": text,
                "check_at": at + pause(interval or LONGEST_PAUSE_SECONDS, failures),
            }
            if error is None:
                values["checked_at"] = at
            still = (Stack.id.in_(ids), Stack.deleting.is_(False))
            session.execute(update(Stack).where(*still).values(values))
    if failures == 1:
        log.warning("%s cannot be checked: %s", members[0].git_repository, text)


def pause(interval: int, failures: int) -> timedelta:
    """Return how long until the next check: the interval, doubled for each failure in a row."""
    longest = max(interval, LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=min(interval * 2 ** min(failures, 12), longest))

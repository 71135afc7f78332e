"""What was understood of one call of a forge."""

from dataclasses import dataclass

FOLDERS = ("refs/heads/", "refs/tags/")


def is_gone(commit: str | None) -> bool:
    """Tell whether a commit id is the one of zeros, which forges send for a deleted reference."""
    return commit is not None and set(commit) == {"0"}


@dataclass(frozen=True)
class Change:
    """One reference that a push moved; the commit is only a hint."""

    reference: str
    commit: str | None = None
    deleted: bool = False
    forced: bool = False


@dataclass(frozen=True)
class Push:
    """One call of a forge: what happened to which references of which repository.

    `nothing` says why there is nothing to do; an `unconditional` one names no reference and
    concerns every stack that it is sent to.
    """

    forge: str
    event: str
    id: str | None = None
    who: str | None = None
    changes: tuple[Change, ...] = ()
    repositories: tuple[str, ...] = ()
    nothing: str | None = None
    unconditional: bool = False

    @property
    def references(self) -> str:
        """Return the references in one line."""
        return " ".join(change.reference for change in self.changes)

    def refusal(self, reference: str) -> str | None:
        """Return why this does not concern a stack that follows the reference, None if it does."""
        if self.nothing or self.unconditional:
            return self.nothing
        if not self.changes:
            return "The delivery names no reference"
        own = [change for change in self.changes if _may_mean_the_same(change, reference)]
        if not own:
            return f"Another reference was pushed: {self.references}"[:500]
        if all(change.deleted for change in own):
            return f"{own[0].reference} was deleted; what runs stays"
        return None


def _may_mean_the_same(change: Change, reference: str) -> bool:
    return not _names(change.reference).isdisjoint(_names(reference))


def _names(reference: str) -> set[str]:
    """Return a full reference as it is, a short one with what it may be short for."""
    if reference.startswith(FOLDERS):
        return {reference}
    return {reference, *(folder + reference for folder in FOLDERS)}

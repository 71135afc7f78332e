"""How much of a stack's past is kept."""

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from supervisor.store.models import Run
from supervisor.store.words import Status

SKIPPED_KEPT = 50
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.INTERRUPTED)


def prune(session: Session, stack_id: int, runs_kept: int) -> None:
    """Forget a stack's oldest runs beyond the limit; the last that changed something stays."""
    own = Run.stack_id == stack_id
    last = session.scalar(select(func.max(Run.id)).where(own, Run.changed))
    _forget(session, runs_kept, own, Run.status.in_(ENDED), Run.id != (last or 0))
    prune_skipped(session, stack_id)


def prune_skipped(session: Session, stack_id: int) -> None:
    """Forget the oldest of the runs that did nothing: they never push out one that did."""
    _forget(session, SKIPPED_KEPT, Run.stack_id == stack_id, Run.status == Status.SKIPPED)


def _forget(session: Session, kept: int, *which: ColumnElement[bool]) -> None:
    newest = select(Run.id).where(*which).order_by(Run.id.desc()).limit(1).offset(kept)
    oldest_gone = session.scalar(newest)
    if oldest_gone is not None:
        session.execute(delete(Run).where(*which, Run.id <= oldest_gone))

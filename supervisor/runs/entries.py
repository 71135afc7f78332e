"""A run and its output in the shape of the log."""

import json

from sqlalchemy import event
from sqlalchemy.orm import Session

from supervisor.runs.followers import Frame, Frames, broker
from supervisor.store.models import LogLine, Run
from supervisor.store.words import LineKind, Status


def line_data(run: Run, text: str) -> str:
    """Return an output line in the shape of the log, all values strings."""
    started = run.started_at or run.created_at
    return json.dumps(
        {
            "run_at": started.isoformat(),
            "action": run.word,
            "status": "running",
            "message": text,
            "run": run.uuid,
        }
    )


def publish(session: Session, stack_id: int, frames: Frames) -> None:
    """Show followers with the commit what it stores; later, the stack's next run might be first."""
    event.listen(session, "after_commit", lambda _: broker.publish(stack_id, frames), once=True)


def tell(session: Session, run: Run) -> None:
    """Write the end of a run to the stack's log, and show it to followers."""
    text = json.dumps(entry_values(run))
    entry = LogLine(stack_id=run.stack_id, run_id=run.id, kind=LineKind.ENTRY, text=text)
    session.add(entry)
    session.flush()
    publish(session, run.stack_id, [Frame(entry.id, LineKind.ENTRY, text)])


def entry_values(run: Run) -> dict[str, str]:
    """Return a finished run in the shape of the log: strings only, `status` one of two words."""
    good = run.status in (Status.SUCCEEDED, Status.SKIPPED)
    return {
        "run_at": (run.finished_at or run.created_at).isoformat(),
        "action": run.word,
        "status": "succeeded" if good else "failed",
        "message": run.message or "",
        "run": run.uuid,
        "trigger": run.trigger,
        "outcome": run.outcome or run.status,
        "commit": run.commit_after or "",
    }

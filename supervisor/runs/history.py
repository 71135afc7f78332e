"""What is stored of a stack's past: its runs, entries for a list, frames for a follower."""

import json
from collections.abc import Sequence

from sqlalchemy import func, select

from supervisor.errors import RunNotFound
from supervisor.runs.entries import line_data
from supervisor.runs.followers import Frame, Frames
from supervisor.store.database import reading
from supervisor.store.models import LogLine, Run, Stack
from supervisor.store.words import LineKind, Status

FRAMES_AT_ONCE = 500


def runs(stack: Stack, before: int | None, count: int) -> Sequence[Run]:
    """Return the newest runs, newest first; with `before`, those older than that run's id."""
    query = select(Run).where(Run.stack_id == stack.id).order_by(Run.id.desc()).limit(count)
    if before is not None:
        query = query.where(Run.id < before)
    with reading() as session:
        return session.scalars(query).all()


def run(stack: Stack, uuid: str) -> Run:
    """Return one run of the stack; raise RunNotFound."""
    with reading() as session:
        found = session.scalar(select(Run).where(Run.stack_id == stack.id, Run.uuid == uuid))
    if found is None:
        raise RunNotFound
    return found


def output_of(run: Run) -> list[str]:
    """Return the stored lines of a run, oldest first."""
    query = select(LogLine.text).where(LogLine.run_id == run.id, LogLine.kind == LineKind.OUTPUT)
    with reading() as session:
        return list(session.scalars(query.order_by(LogLine.id)))


def entries(stack: Stack, count: int) -> list[dict[str, str]]:
    """Return the newest finished runs, oldest first."""
    query = (
        select(LogLine.text)
        .where(LogLine.stack_id == stack.id, LogLine.kind == LineKind.ENTRY)
        .order_by(LogLine.id.desc())
        .limit(count)
    )
    with reading() as session:
        return [json.loads(text) for text in reversed(session.scalars(query).all())]


def frames_after(stack_id: int, number: int) -> Frames:
    """Return the next stored frames after that one."""
    query = (
        select(LogLine, Run)
        .join(Run, Run.id == LogLine.run_id)
        .where(LogLine.stack_id == stack_id, LogLine.id > number)
        .order_by(LogLine.id)
        .limit(FRAMES_AT_ONCE)
    )
    with reading() as session:
        rows = session.execute(query).all()
    return [Frame(line.id, line.kind, _data(line, run)) for line, run in rows]


def _data(line: LogLine, run: Run) -> str:
    """Return what a row of the log shows: an entry is stored as it is shown."""
    return line.text if line.kind == LineKind.ENTRY else line_data(run, line.text)


def newest(stack: Stack) -> int:
    """Return the number of the newest line."""
    with reading() as session:
        query = select(func.max(LogLine.id)).where(LogLine.stack_id == stack.id)
        return session.scalar(query) or 0


def starting_point(stack: Stack, count: int) -> int:
    """Return the number after which a new follower begins.

    That is before the newest `count` entries, or where nothing is asked for, before the run that
    goes on now, so that nobody misses the beginning of what he has just started.
    """
    lines = LogLine.stack_id == stack.id
    running = select(Run.id).where(Run.stack_id == stack.id, Run.status == Status.RUNNING)
    newest_entries = (
        select(LogLine.id)
        .where(lines, LogLine.kind == LineKind.ENTRY)
        .order_by(LogLine.id.desc())
        .limit(count)
        .subquery()
    )
    with reading() as session:
        newest = session.scalar(select(func.max(LogLine.id)).where(lines)) or 0
        run_id = session.scalar(running)
        first = run_id and session.scalar(
            select(func.min(LogLine.id)).where(LogLine.run_id == run_id)
        )
        edge = session.scalar(select(func.min(newest_entries.c.id)))
    return min([newest, *(number - 1 for number in (first, edge) if number)])

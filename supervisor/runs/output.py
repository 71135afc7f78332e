"""What a run prints: stored as head and tail with a mark between, and shown while it is printed."""

from collections import deque
from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from supervisor.runs.entries import line_data, publish
from supervisor.runs.followers import Frame, Frames
from supervisor.store.database import writing
from supervisor.store.models import LogLine, Run, now
from supervisor.store.words import LineKind

HEAD_LINES = 2000
HEAD_CHARACTERS = 512 * 1024
TAIL_LINES = 500
MARK = "… much output: from here on only the end is kept …"


class Output:
    """Take the lines of one run; used by the one thread that runs it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lines_left = HEAD_LINES
        self._characters_left = HEAD_CHARACTERS
        self._mark: int | None = None
        self._tail: deque[int] = deque()
        self._left_out = 0

    def begin(self, step: str, commit: str | None, line: str) -> None:
        """Record which step the run is at and with which commit, and the line that tells of it."""
        self.append([line], {"step": step, "commit_after": commit})

    def append(self, lines: list[str], facts: Mapping[str, str | None] | None = None) -> None:
        """Store lines and show them to followers; bounded, however many they are."""
        with writing(durable=False) as session:
            if facts:
                session.execute(update(Run).where(Run.id == self._run.id).values(facts))
            frames = self._store_head(session, lines)
            frames += self._store_tail(session, lines[len(frames) :])
            publish(session, self._run.stack_id, frames)

    def close(self) -> None:
        """Say in the mark how many lines were left out, or take it away if none was."""
        if self._mark is None:
            return
        text = f"… {self._left_out:,} lines left out …"
        mark = LogLine.id == self._mark
        with writing(durable=False) as session:
            if self._left_out:
                session.execute(update(LogLine).where(mark).values(text=text))
            else:
                session.execute(delete(LogLine).where(mark))

    def _store_head(self, session: Session, lines: list[str]) -> Frames:
        count = 0
        for line in lines:
            if self._lines_left <= 0 or self._characters_left <= 0:
                break
            self._lines_left -= 1
            self._characters_left -= len(line)
            count += 1
        return self._insert(session, lines[:count])

    def _store_tail(self, session: Session, lines: list[str]) -> Frames:
        if not lines:
            return []
        frames: Frames = []
        if self._mark is None:
            frames = self._insert(session, [MARK])
            self._mark = frames[0].id
        kept = lines[-TAIL_LINES:]
        self._left_out += len(lines) - len(kept)
        added = self._insert(session, kept)
        self._tail.extend(frame.id for frame in added)
        self._forget_surplus(session)
        return frames + added

    def _forget_surplus(self, session: Session) -> None:
        surplus = [self._tail.popleft() for _ in range(len(self._tail) - TAIL_LINES)]
        if surplus:
            self._left_out += len(surplus)
            forgotten = LogLine.id.between(surplus[0], surplus[-1])
            session.execute(delete(LogLine).where(forgotten, LogLine.run_id == self._run.id))

    def _insert(self, session: Session, lines: list[str]) -> Frames:
        if not lines:
            return []
        row = {"stack_id": self._run.stack_id, "run_id": self._run.id, "kind": LineKind.OUTPUT}
        at = now()
        session.execute(insert(LogLine), [row | {"text": line, "at": at} for line in lines])
        # We hold the one write transaction: the ids just given out are the last ones, in order.
        last = session.scalar(select(func.max(LogLine.id))) or 0
        numbers = range(last - len(lines) + 1, last + 1)
        return [
            Frame(number, LineKind.OUTPUT, line_data(self._run, line))
            for number, line in zip(numbers, lines, strict=True)
        ]

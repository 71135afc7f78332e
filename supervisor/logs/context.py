"""What goes on where an event is logged: the ids of the request and of the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
run_id: ContextVar[str | None] = ContextVar("run_id", default=None)


@contextmanager
def of_run(uuid: str) -> Iterator[None]:
    """Have what this thread logs carry the run's id."""
    token = run_id.set(uuid)
    try:
        yield
    finally:
        run_id.reset(token)

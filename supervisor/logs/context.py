"""What goes on where an event is logged: the ids of the request and of the run, and for whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
run_id: ContextVar[str | None] = ContextVar("run_id", default=None)
# True for a connection until its request has shown a key; never for Supervisor's own work.
is_stranger: ContextVar[bool] = ContextVar("is_stranger", default=False)


@contextmanager
def of_run(uuid: str) -> Iterator[None]:
    """Have what this thread logs carry the run's id."""
    token = run_id.set(uuid)
    try:
        yield
    finally:
        run_id.reset(token)

"""How a request is answered when the database refuses."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Blueprint, Flask

from supervisor.api import errors
from supervisor.errors import StorageBroken, StorageBusy, StorageError, StorageFull

FULL = {"error": "The storage is full: free space, then send this again"}
BUSY = {"error": "The database is busy: send this again"}
BROKEN = {"error": "The database cannot be used, see Supervisor's log"}
INTERNAL = {"error": "Internal server error"}


@dataclass(frozen=True)
class Case:
    """What a view met, and what is answered."""

    resource: str
    word: type[StorageError]
    reason: str
    status: int
    answer: dict[str, str]
    retry_after: str | None = None

    @property
    def line(self) -> str:
        """Return what the log says."""
        unknown = self.status == 500
        return "A request broke" if unknown else f"The database refused: {self.reason}"


CASES = (
    Case("stacks", StorageFull, "database or disk is full", 507, FULL),
    Case("webhook", StorageFull, "database or disk is full", 503, FULL),
    Case("stacks", StorageBusy, "database is locked", 503, BUSY, "5"),
    Case("webhook", StorageBusy, "database is locked", 503, BUSY, "5"),
    Case("stacks", StorageBroken, "disk I/O error", 503, BROKEN),
    Case("stacks", StorageError, "database disk image is malformed", 500, INTERNAL),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.word.__name__}-{case.resource}")
def test_what_was_not_stored_is_not_said_to_be_accepted(
    caplog: pytest.LogCaptureFixture, case: Case
) -> None:
    app, blueprint = Flask("refused"), Blueprint(case.resource, "refused")
    errors.register(app)

    @blueprint.post("/")
    def store() -> Any:
        raise case.word(f"(sqlite3.OperationalError) {case.reason}\n[SQL: INSERT]", case.reason)

    app.register_blueprint(blueprint)
    answer = app.test_client().post("/")
    assert (answer.status_code, answer.json) == (case.status, case.answer)
    assert answer.headers.get("Retry-After") == case.retry_after
    assert [record.getMessage() for record in caplog.records] == [case.line]

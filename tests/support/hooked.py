"""The application without its server, and stacks that webhooks reach."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from supervisor.store.database import writing
from supervisor.store.models import Run, now
from supervisor.store.words import Status
from tests.support import forges as sent
from tests.support.api import Api
from tests.support.forges import MAIN, REPOSITORY, Sent


@dataclass
class Hooked:
    """A stack that follows webhooks."""

    api: Api
    uuid: str

    @property
    def path(self) -> str:
        return f"/stacks/{self.uuid}/webhook"

    def deliver(self, call: Sent, **environ: str) -> TestResponse:
        """Send it as a forge does: without the key."""
        return send(self.api, self.path, call, **environ)

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        answer = self.api.client.get(f"/stacks/{self.uuid}/deliveries?count=100")
        found: list[dict[str, Any]] = answer.get_json()["deliveries"]
        return found

    @property
    def runs(self) -> list[dict[str, Any]]:
        answer = self.api.client.get(f"/stacks/{self.uuid}/runs?count=100")
        found: list[dict[str, Any]] = answer.get_json()["runs"]
        return found

    def change(self, **fields: Any) -> TestResponse:
        return self.api.client.patch(f"/stacks/{self.uuid}", json=fields)

    def end(self, status: Status, *, began: bool = True) -> str:
        """Let the stack's newest run have ended so, as no runner is here; return its uuid."""
        uuid = str(self.runs[0]["uuid"])
        with self.api.app.app_context(), writing() as session:
            run = session.query(Run).filter_by(uuid=uuid).one()
            run.status, run.started_at, run.finished_at = status, now() if began else None, now()
        return uuid


def send(api: Api, path: str, call: Sent, **environ: str) -> TestResponse:
    # As the server hands a header on: each byte a character.
    headers = {name: value.encode().decode("latin-1") for name, value in call.headers.items()}
    client = api.app.test_client()
    return client.post(path, data=call.body, headers=headers, environ_overrides=environ)


def github(reference: str = MAIN, **more: Any) -> Sent:
    """Return a push as GitHub sends it."""
    return sent.github(sent.push(reference, **more))


def hooked(api: Api, **fields: Any) -> Hooked:
    """Make a stack whose first run has ended, so that the next trigger shows."""
    given = {"name": f"stack {uuid4()}", "git_repository": REPOSITORY} | fields
    stack = Hooked(api, api.create(**given)["uuid"])
    stack.end(Status.SUCCEEDED)
    return stack

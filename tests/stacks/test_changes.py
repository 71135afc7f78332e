"""What a request changes is worked out without the lock, and never for what is there no more."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from supervisor.errors import LimitReached, StackInvalid, StackNotFound
from supervisor.stacks import catalogue, control, vault
from supervisor.store.database import writing
from tests.support.api import Api
from tests.support.triggers import signature

PUSH = b'{"ref": "refs/heads/main"}'


class Slow(dict[str, Any]):
    """A request's fields; something happens while they are looked at, as often as is said."""

    def __init__(self, happens: Callable[[], object], times: int = 1, **fields: Any) -> None:
        super().__init__(fields)
        self.happens, self.times, self.looks = happens, times, 0

    def items(self) -> Any:
        self.looks += 1
        if self.looks <= self.times:
            self.happens()
        return super().items()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Iterator[Api]:
    api = make_api()
    with api.app.app_context():
        yield api


def beside(app: Flask, work: Callable[[], object]) -> Callable[[], None]:
    """Return a function that has work done in another thread, and sees that it comes to an end."""

    def do() -> None:
        with app.app_context():
            work()

    def wait() -> None:
        thread = Thread(target=do, daemon=True)
        thread.start()
        thread.join(timeout=20)
        assert not thread.is_alive(), "it is held up"

    return wait


def test_a_webhook_is_taken_while_a_change_is_looked_at(api: Api) -> None:
    uuid = api.create()["uuid"]
    headers = {"X-Hub-Signature-256": signature(PUSH)}
    answers: list[int] = []

    def deliver() -> None:
        path = f"/stacks/{uuid}/webhook"
        answers.append(api.app.test_client().post(path, data=PUSH, headers=headers).status_code)

    given = Slow(beside(api.app, deliver), name="renamed")
    stack, _run = catalogue.change(uuid, given)
    assert answers == [202]
    assert (stack.name, given.looks) == ("renamed", 1), "what a webhook writes is no change"


def test_a_change_is_looked_at_anew_where_another_one_came_meanwhile(api: Api) -> None:
    uuid = api.create()["uuid"]
    other = beside(api.app, lambda: catalogue.change(uuid, {"polling_interval": None}))
    given = Slow(other, strategy="polling")
    with pytest.raises(StackInvalid) as refused:
        catalogue.change(uuid, given)
    assert refused.value.messages == {"polling_interval": ["can't be blank"]}
    assert given.looks == 2
    assert catalogue.find(uuid).strategy == "webhook"


def test_neither_of_two_changes_is_lost(api: Api) -> None:
    uuid = api.create()["uuid"]
    other = beside(api.app, lambda: catalogue.change(uuid, {"git_token": "another token"}))
    catalogue.change(uuid, Slow(other, compose_variables={"A": "1"}))
    secrets = vault.secrets_of(catalogue.find(uuid))
    assert (secrets.git_token, secrets.compose_variables) == ("another token", {"A": "1"})


def test_a_mask_stands_for_the_secret_that_is_there_in_the_end(api: Api) -> None:
    uuid = api.create()["uuid"]
    other = beside(api.app, lambda: catalogue.change(uuid, {"git_token": "another token"}))
    catalogue.change(uuid, Slow(other, name="renamed", git_token="********"))
    assert vault.secrets_of(catalogue.find(uuid)).git_token == "another token"


def test_what_runs_and_checks_write_meanwhile_is_kept_and_no_change(api: Api) -> None:
    uuid = api.create()["uuid"]

    def learn() -> None:
        with writing() as session:
            catalogue.find_in(session, uuid).healthy = True

    given = Slow(beside(api.app, learn), name="renamed")
    assert catalogue.change(uuid, given)[0].healthy
    assert given.looks == 1


def test_a_stack_that_goes_meanwhile_is_not_found(api: Api) -> None:
    uuid = api.create()["uuid"]
    with pytest.raises(StackNotFound):
        catalogue.change(uuid, Slow(lambda: control.remove(catalogue.find(uuid)), name="renamed"))


def test_it_is_not_tried_for_ever(api: Api) -> None:
    uuid = api.create()["uuid"]
    meddle = Slow(lambda: catalogue.change(uuid, {"rollback": True}), times=1000, name="renamed")
    with pytest.raises(LimitReached):
        catalogue.change(uuid, meddle)
    assert meddle.looks == catalogue.CHANGE_TRIES
    assert catalogue.find(uuid).name != "renamed"


def test_it_is_refused_before_anything_is_locked(api: Api) -> None:
    uuid = api.create()["uuid"]
    with writing(), pytest.raises(StackInvalid):
        catalogue.change(uuid, {"name": ""})

"""What Supervisor and its helper container leave each other in the storage."""

from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.commands.git.remote import Remote
from supervisor.deploy.rollout import Job, Progress
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Workspace
from supervisor.errors import WrongKey
from supervisor.security.crypto import Cipher
from supervisor.security.secret import Secret
from supervisor.selfupdate.handover import Handover, Order, TakeoverResult, forget_others
from supervisor.settings.config import TimeLimits

CANARY = "canary-of-a-variable"
STATE = AppliedState(
    "a" * 40,
    "compose.yml",
    ("more.yml",),
    {"PASSWORD": CANARY},
    {"services": {"web": {}}},
    {"web": ("web:1", "sha256:1")},
    {"web": "hash"},
    {"web": ["running"]},
)


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path, "run", Cipher(Secret("s" * 32)))


def order(tmp_path: Path) -> Order:
    spec = StackSpec(
        uuid="uuid",
        project="site",
        remote=Remote("https://git.example.org/site.git", "me", "a-token-of-git"),
        reference="main",
        compose_file="compose.yml",
        compose_includes=("more.yml",),
        variables={"PASSWORD": CANARY},
        health_timeout=0,
        rollback=False,
        applied=STATE,
        previous=STATE,
        digest_key=b"\xff",
    )
    job = Job("apply", "Deployed", replace(STATE, commit="b" * 40), images_too=True)
    place = Workspace(tmp_path, "uuid", "https://git.example.org/site.git")
    return Order(spec, place, job, TimeLimits(up=7), Progress(commit="b" * 40), [CANARY], None)


def test_an_order_arrives_with_a_gate_and_without_credentials(
    handover: Handover, tmp_path: Path
) -> None:
    assert not handover.is_open
    given = order(tmp_path)
    handover.give(given)
    assert handover.is_open
    found = handover.order()
    assert (found.job, found.place, found.limits) == (given.job, given.place, given.limits)
    assert found.spec.applied == STATE
    assert found.spec.variables == {"PASSWORD": CANARY}
    assert (found.spec.health_timeout, found.spec.rollback) == (120, True)
    assert b"a-token-of-git" not in given.dump()


def test_nothing_lies_there_in_clear(handover: Handover, tmp_path: Path) -> None:
    handover.give(order(tmp_path))
    handover.finish(TakeoverResult("succeeded", "Deployed", Progress(state=STATE)))
    stored = {path.name: path.read_bytes() for path in handover.folder.iterdir()}
    assert set(stored) == {"order", "result"}
    assert not any(CANARY.encode() in content for content in stored.values())
    assert handover.folder.stat().st_mode & 0o077 == 0
    with pytest.raises(WrongKey):
        replace(handover, cipher=Cipher(Secret("t" * 32))).order()


def test_a_result_arrives_with_the_state(handover: Handover, tmp_path: Path) -> None:
    handover.give(order(tmp_path))
    assert handover.result() is None
    result = TakeoverResult("failed", "gate: no", Progress(outcome="rolled_back"), retry=True)
    handover.finish(result)
    assert handover.result() == result


def test_each_line_is_news_once_also_for_another_process(
    handover: Handover, tmp_path: Path
) -> None:
    handover.give(order(tmp_path))
    assert handover.news() == []
    handover.tell(["one", "zwei ä"])
    assert handover.news() == ["one", "zwei ä"]
    handover.tell(["three"])
    with (handover.folder / "output").open("a") as file:
        file.write("half a li")
    assert replace(handover).news() == ["three"]
    handover.tell(["ne"])
    assert handover.news() == ["half a line"]


def test_tries_are_counted(handover: Handover, tmp_path: Path) -> None:
    handover.give(order(tmp_path))
    assert [handover.count_try() for _ in range(3)] == [1, 2, 3]


def test_what_nobody_waits_for_is_removed(handover: Handover, tmp_path: Path) -> None:
    handover.give(order(tmp_path))
    forget_others(tmp_path, {"run"})
    assert handover.is_open
    forget_others(tmp_path, set())
    assert not handover.folder.exists()

"""Which stacks run Supervisor itself, and what is refused for them."""

from pathlib import Path
from typing import Any

import pytest

from supervisor.commands.docker.own_container import Mount, OwnContainer
from supervisor.deploy.itself import Itself
from supervisor.deploy.state import AppliedState
from supervisor.errors import DeployRefused

pytestmark = pytest.mark.row("D21")

BIND = {"type": "bind", "source": "/srv/supervisor", "target": "/supervisor/storage"}
VOLUME = {"type": "volume", "source": "data", "target": "/supervisor/storage"}
MARK = {"supervisor.self": "true"}


def itself(project: str = "", *, volume: str = "") -> Itself:
    source = Path("/var/lib/docker/volumes/data/_data" if volume else "/srv/supervisor")
    own = OwnContainer("0" * 64, "supervisor", "sha256:1", project, "web" if project else "")
    return Itself(own, Mount(source, Path("/supervisor/storage"), volume))


def model(volume_name: str = "data", **services: dict[str, Any]) -> dict[str, Any]:
    return {"services": services, "volumes": {"data": {"name": volume_name}}}


def test_a_stack_without_it_is_a_stack_like_any() -> None:
    assert itself().service_in("site", model(web={})) is None
    assert itself("other").service_in("site", model(web={"volumes": [VOLUME]})) is None
    assert not itself("other").is_in("site")
    assert not itself().is_in("")


@pytest.mark.parametrize(("volume", "mount"), [("", BIND), ("data", VOLUME)])
def test_the_marked_service_with_the_storage_is_supervisor(
    volume: str, mount: dict[str, str]
) -> None:
    marked = {"labels": MARK, "volumes": [mount]}
    found = model(sv=marked, db={})
    assert itself(volume=volume).service_in("site", found) == "sv"
    assert itself("site", volume=volume).service_in("site", found) == "sv"


def test_another_supervisor_with_another_storage_is_a_service_like_any() -> None:
    elsewhere = {"labels": MARK, "volumes": [BIND | {"source": "/srv/another"}]}
    assert itself().service_in("site", model(sv=elsewhere)) is None
    assert itself(volume="data").service_in("site", model("mine", sv=elsewhere)) is None


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ({"web": {"volumes": [BIND]}}, "the label supervisor.self"),
        ({"web": {"labels": MARK}}, "without its stacks"),
        ({"web": {"labels": MARK, "volumes": [BIND | {"read_only": True}]}}, "not read-only"),
        ({name: {"labels": MARK, "volumes": [BIND]} for name in ("a", "b")}, "and 2 have it"),
    ],
)
def test_a_commit_that_would_end_it_is_refused(services: dict[str, Any], words: str) -> None:
    with pytest.raises(DeployRefused, match=words):
        itself("site").service_in("site", model(**services))


def test_two_cannot_take_over() -> None:
    both = {name: {"labels": MARK, "volumes": [BIND]} for name in ("a", "b")}
    with pytest.raises(DeployRefused, match="a and b cannot both"):
        itself().service_in("site", model(**both))


@pytest.mark.parametrize("more", [{}, {"read_only": True}])
def test_the_volume_of_the_storage_is_nobody_elses(more: dict[str, bool]) -> None:
    found = model(spy={"volumes": [VOLUME | more]})
    with pytest.raises(DeployRefused, match="own storage, which only"):
        itself(volume="data").service_in("site", found)


def test_a_state_without_its_service_is_refused() -> None:
    state = AppliedState("c" * 40, "compose.yml", fingerprint={"services": {"web": {}}})
    itself("site").check_kept(state)
    with pytest.raises(DeployRefused, match="no service web"):
        itself("site").check_kept(AppliedState("c" * 40, "compose.yml"))

"""Which services a deploy touches, and why: two fingerprints compared."""

import time
from typing import Any

from supervisor.deploy.model.changes import Changes, compare
from tests.deploy.model.bench import Bench, Services, bind


def test_an_image_that_came_out_the_same_is_no_reason(bench: Bench) -> None:
    services = {"web": {"build": {"context": "ROOT/a"}} | bind("b")}
    before = bench.take(services)
    bench.repository.commit({"a/x.conf": "2"})
    assert compare(before, bench.take(services), {"web": True}).unchanged == ["web"]
    bench.repository.commit({"b/x.conf": "2"})
    found = compare(before, bench.take(services), {"web": True})
    assert found.recreated == {"web": "bind mount ./b changed"}


def test_only_the_networks_and_volumes_that_a_service_uses_count(bench: Bench) -> None:
    services = {"web": {"networks": {"front": None}}, "db": {"networks": {"back": None}}}
    bench.tops = {"networks": {"front": {"name": "front"}, "back": {"name": "back"}}}
    before = bench.take(services)
    bench.tops = {"networks": {"front": {"name": "front"}, "back": {"name": "other"}}}
    found = compare(before, bench.take(services))
    assert (list(found.recreated), found.unchanged) == (["db"], ["web"])


def test_a_changed_service_takes_along_those_that_need_it(bench: Bench) -> None:
    restart = {"condition": "service_started", "restart": True}
    services: Services = {
        "db": {"environment": {"V": "1"}},
        "web": {"depends_on": {"db": restart}},
        "log": {"depends_on": {"web": restart | {"restart": False}}, "volumes_from": ["web:ro"]},
        "free": {"depends_on": {"db": {"condition": "service_started"}}},
    }
    before = bench.take(services)
    services["db"] = {"environment": {"V": "2"}}
    found = compare(before, bench.take(services))
    assert found.recreated == {
        "db": "configuration changed",
        "log": "needs web, which is recreated",
        "web": "needs db, which is recreated",
    }
    assert found.unchanged == ["free"]


def test_created_removed_and_unchanged_are_told_apart(bench: Bench) -> None:
    before = bench.take({"stays": {}, "goes": {}})
    after = bench.take({"stays": {}, "comes": {}})
    found = compare(before, after)
    assert found == Changes({"comes": "new service"}, {}, ["goes"], ["stays"])
    assert found.reasons == {"comes": "new service", "goes": "no longer in the compose file"}
    assert compare(None, after).created == dict.fromkeys(("comes", "stays"), "new service")


def test_a_long_chain_of_services_is_followed_once() -> None:
    def print_of(number: int, config: str) -> dict[str, Any]:
        return {
            f"s{each:05}": {
                "config": config if each == 0 else "",
                "needs": [f"s{each - 1:05}", f"s{max(0, each - 2):05}"] if each else [],
                "files": {},
                "builds": {},
                "env_files": {},
            }
            for each in range(number)
        }

    def seconds(number: int) -> float:
        before, after = ({"services": print_of(number, c), "sources": {}} for c in ("a", "b"))
        rest = {"env_files": {}, "variables": ""}
        begun = time.thread_time()
        found = compare(before | rest, after | rest)
        assert len(found.recreated) == number
        assert found.recreated["s00001"] == "needs s00000, which is recreated"
        return time.thread_time() - begun

    # Each recreated service used to be looked for among all services: 60 seconds.
    assert seconds(8_000) < 2

"""A reason names the file in which a configuration is written."""

import json
from collections.abc import Mapping

import pytest

from supervisor.deploy.model.changes import compare
from tests.deploy.model.bench import Bench

# Where a configuration is written


def why(bench: Bench, document: object, files: Mapping[str, str], change: dict[str, str]) -> str:
    """Return the reason given when these files change and the rendered service does too."""
    bench.repository.commit({"compose.yml": json.dumps(document), **files})
    before = bench.take({"web": {"environment": {"V": "1"}}})
    bench.repository.commit(change)
    found = compare(before, bench.take({"web": {"environment": {"V": "2"}}}))
    return found.recreated["web"]


def service(**values: object) -> dict[str, object]:
    return {"services": {"web": values}}


def test_a_reason_names_the_env_file(bench: Bench) -> None:
    files = {"env/a.env": "A=1", "b.env": "B=1"}
    document = service(env_file=["env/a.env", {"path": "./b.env", "required": False}])
    assert why(bench, document, files, {"env/a.env": "A=2"}) == "env file ./env/a.env changed"
    assert why(bench, document, files, {"b.env": "B=2"}) == "env file ./b.env changed"


def test_a_reason_names_the_env_file_of_what_is_extended(bench: Bench) -> None:
    base = json.dumps({"services": {"any": {"env_file": "any.env"}}})
    files = {"base/base.yml": base, "base/any.env": "A=1"}
    document = service(extends={"file": "base/base.yml", "service": "any"})
    change = {"base/any.env": "A=2"}
    assert why(bench, document, files, change) == "env file ./base/any.env changed"


def test_paths_in_a_second_compose_file_are_relative_to_the_firsts_folder(bench: Bench) -> None:
    bench.compose_files = ("compose.yml", "./more/more.yml")
    files = {"more/more.yml": json.dumps(service(env_file="app.env")), "app.env": "A=1"}
    assert why(bench, {}, files, {"app.env": "A=2"}) == "env file ./app.env changed"


@pytest.mark.parametrize(
    "item",
    [
        "parts/part.yml",
        {"path": "parts/part.yml"},
        {"path": ["parts/part.yml"], "project_directory": ".", "env_file": "parts/part.env"},
    ],
)
def test_a_reason_names_what_is_included(bench: Bench, item: object) -> None:
    inner = json.dumps({"include": ["deep/deep.yml"]})
    where = "deep" if isinstance(item, dict) and "env_file" in item else "parts/deep"
    files = {
        "parts/part.yml": inner,
        "parts/part.env": "A=1",
        "parts/deep/deep.yml": "{}",
        "deep/deep.yml": "{}",
    }
    named = [f"{where}/deep.yml", "parts/part.yml"]
    named += ["parts/part.env"] if where == "deep" else []
    for name in named:
        change = {name: inner + " " if name.endswith("part.yml") else "{ }"}
        assert why(bench, {"include": [item]}, files, change) == f"configuration changed ({name})"


def test_a_file_that_cannot_be_read_is_just_not_followed(bench: Bench) -> None:
    bomb = "a: &a [x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 10)}]\n" for p, c in PAIRS)
    bench.repository.commit({"bomb.yml": bomb, "binary.yml": "\x00\x01", "loop.yml": "a: &a [*a]"})
    names = ["bomb.yml", "binary.yml", "loop.yml", "missing.yml", "../../outside.yml", "/etc/x"]
    document = {"include": names, "services": {"web": None, "db": {"extends": 3, "env_file": {}}}}
    reason = why(bench, document, {}, {"binary.yml": "\x00\x02"})
    assert reason == "configuration changed (binary.yml)"


PAIRS = list(zip("abcdefgh", "bcdefghi", strict=True))


def test_a_change_of_nothing_that_is_known_says_no_more_than_it_knows(bench: Bench) -> None:
    assert why(bench, service(), {}, {"README": "words"}) == "configuration changed"
    bench.variables = {"V": "1"}
    before = bench.take({"web": {"environment": {"V": "1"}}})
    bench.variables = {"V": "2"}
    found = compare(before, bench.take({"web": {"environment": {"V": "2"}}}))
    assert found.recreated == {"web": "variables changed"}

"""Which services differ between two commits, found out with git alone."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.deploy.model.changes import compare
from supervisor.deploy.model.dotenv import Dotenv
from supervisor.deploy.model.fingerprint import overrides
from supervisor.deploy.model.ingredients import ingredients, used
from supervisor.deploy.model.sources import Sources
from tests.deploy.model.bench import Bench, Services, bind
from tests.support.repository import Repository


def test_a_folder_and_a_file_in_it_are_told_apart(bench: Bench) -> None:
    services = {"folder": bind("a"), "file": bind("a/x.conf"), "all": bind(".")}
    found = bench.changes(services, {"a/y.conf": "1"})
    assert found.recreated == {
        "all": "bind mount . changed",
        "folder": "bind mount ./a changed",
    }
    assert found.unchanged == ["file"]


@pytest.mark.parametrize(
    "name",
    [
        "with space/x.conf",
        "ünï/côde.conf",
        ":(top)odd/x.conf",
        ":!not.conf",
        "st*r.conf",
        "[a]x.conf",
        "-n",
        'quote"\\back.conf',
        "tab\tnew\nline",
    ],
)
def test_names_are_taken_as_they_are(bench: Bench, name: str) -> None:
    bench.repository.commit({name: "1", "other": "1", "ax.conf": "1", "stir.conf": "1"})
    source = {"type": "bind", "source": "ROOT/" + name}
    services = {"odd": {"volumes": [source]}, "other": bind("other", "ax.conf", "stir.conf")}
    found = bench.changes(services, {name: "2"})
    assert found.recreated == {"odd": f"bind mount ./{name} changed"}
    assert found.unchanged == ["other"]


def test_files_of_the_same_name_in_other_folders_are_other_files(bench: Bench) -> None:
    services = {"a": bind("a/x.conf"), "b": bind("b/x.conf")}
    found = bench.changes(services, {"a/x.conf": "2"})
    assert (list(found.recreated), found.unchanged) == (["a"], ["b"])


def test_a_link_changes_with_what_it_leads_to(bench: Bench) -> None:
    bench.repository.link("to-file", "a/x.conf")
    bench.repository.link("to-folder", "b")
    bench.repository.link("to-link", "to-file")
    bench.repository.commit()
    services = {name: bind(name) for name in ("to-file", "to-folder", "to-link")}
    services["through"] = bind("to-folder/x.conf")
    found = bench.changes(services, {"a/x.conf": "2"})
    assert set(found.recreated) == {"to-file", "to-link"}
    found = bench.changes(services, {"b/x.conf": "2"})
    assert set(found.recreated) == {"to-folder", "through"}


def test_a_file_that_becomes_a_link_of_the_same_content_is_a_change(bench: Bench) -> None:
    bench.repository.commit({"conf": "a/x.conf"})
    services = {"web": bind("conf")}
    before = bench.take(services)
    (bench.repository.path / "conf").unlink()
    bench.repository.link("conf", "a/x.conf")
    bench.repository.commit()
    assert compare(before, bench.take(services)).recreated == {"web": "bind mount ./conf changed"}


def test_what_appears_where_something_is_mounted_is_a_change(bench: Bench) -> None:
    services = {"web": bind("data"), "db": bind("elsewhere")}
    found = bench.changes(services, {"data/seed": "1"})
    assert (list(found.recreated), found.unchanged) == (["web"], ["db"])
    found = bench.changes(services, {}, remove=["data/seed"])
    assert list(found.recreated) == ["web"]


def test_what_lies_outside_of_the_repository_is_no_part_of_it(bench: Bench) -> None:
    outside = {"volumes": [{"type": "bind", "source": "/etc"}, {"type": "volume", "source": "a"}]}
    near = {"volumes": [{"type": "bind", "source": "ROOT-beside/a"}]}
    print_ = bench.take({"web": outside, "db": near})
    assert [parts["files"] for parts in print_["services"].values()] == [{}, {}]
    assert overrides(print_, {}) == {"services": {}}


def test_where_a_commit_is_checked_out_makes_no_difference(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit({"compose.yml": "services: {}\n", "a": "1"})
    folder = tmp_path / 'stör "age'
    folder.mkdir()
    bench = Bench(repository, folder)
    services = {"web": bind("a") | {"command": ["cat", "ROOT/a"]}}
    found = compare(bench.take(services), bench.take(services, "plan"))
    assert found.unchanged == ["web"]


def test_what_an_image_is_built_from_is_all_of_it(bench: Bench) -> None:
    bench.repository.commit({f"{name}/file": "1" for name in ("app", "docker", "extra", "key")})
    build = {
        "context": "ROOT/app",
        "dockerfile": "../docker/file",
        "additional_contexts": {"extra": "ROOT/extra", "far": "https://example.org/x.git"},
        "secrets": [{"source": "key"}],
    }
    bench.tops = {"secrets": {"key": {"file": "ROOT/key/file"}}}
    services = {
        "web": {"image": "web:1", "build": build},
        "same": {"image": "web:1"},
        "on-top": {"build": {"context": "ROOT/b", "additional_contexts": {"w": "service:web"}}},
        "other": {"image": "other:1"},
    }
    expected = {
        "app/file": "build context ./app changed",
        "docker/file": "Dockerfile ./docker/file changed",
        "extra/file": "build context ./extra changed",
        "key/file": "build secret ./key/file changed",
    }
    for name, reason in expected.items():
        found = bench.changes(services, {name: name})
        assert found.recreated == dict.fromkeys(("on-top", "same", "web"), reason)


def test_digests_give_no_value_away(bench: Bench) -> None:
    bench.variables = {"PASSWORD": "hunter2"}
    bench.tops = {"secrets": {"s": {"environment": "PASSWORD"}}}
    services = {"web": {"environment": {"P": "hunter2"}, "secrets": [{"source": "s"}]}}
    here = bench.take(services)
    assert "hunter2" not in json.dumps([here, overrides(here, {})])
    there = replace(bench, folder=bench.folder / "there")
    there.folder.mkdir()
    assert there.take(services) == here


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("A=1\nTOKEN=1\n", "A=2\nTOKEN=1\n", False),
        ("A=1\nTOKEN=1\n", "A=1\nTOKEN=2\n", True),
        ("TOKEN=1\n", "export TOKEN = 2\n", True),
        ("A=1\nTOKEN=$A\n", "A=2\nTOKEN=$A\n", True),
        ("TOKEN='1\n2'\n", "TOKEN='1\n3'\n", True),
        ("TOKEN=1\n", "OTHER=1\n", True),
    ],
)
def test_a_secret_that_is_a_variable_changes_with_its_value(
    bench: Bench, before: str, after: str, changed: bool
) -> None:
    bench.repository.commit({".env": before})
    bench.tops = {"secrets": {"s": {"environment": "TOKEN"}}}
    found = bench.changes({"web": {"secrets": [{"source": "s"}]}}, {".env": after})
    assert bool(found.recreated) is changed


def test_empty_lines_before_a_setting_are_part_of_its_digest(bench: Bench) -> None:
    """So it was from the first release on: another digest would recreate what did not change."""
    file = bench.folder / ".env"
    file.write_text("A=1\n\n \nexport TOKEN = 1\n# \nTOKEN: 2\nTOKENS=3\nTOKEN\n")
    dotenv = Dotenv(file.parent, file.name)
    assert dotenv.lines_of("TOKEN") == "\n \nexport TOKEN = 1\nTOKEN: 2"
    assert (dotenv.lines_of("A"), dotenv.lines_of("TOKEN2")) == ("A=1", "")


# What it costs


def seconds(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def test_a_dotenv_is_looked_through_once(tmp_path: Path) -> None:
    """10,000 empty lines took three seconds for each secret, and four times as many sixteen."""
    file = tmp_path / ".env"
    file.write_text("\n" * 400_000 + "TOKEN=1\n")
    dotenv = Dotenv(file.parent, file.name)
    assert seconds(lambda: [dotenv.lines_of(f"T{number}") for number in range(5_000)]) < 3


def built_from_each_other(number: int) -> Services:
    """Return services of which each is built from the next one twice, the last from the first."""
    names = [f"s{each}" for each in range(number)]
    return {
        name: {
            "build": {
                "context": f"/checkout/{name}",
                "additional_contexts": {"x": f"service:{other}", "y": f"service:{other}"},
            }
        }
        for name, other in zip(names, names[1:] + names[:1], strict=True)
    }


@pytest.mark.parametrize("number", [1, 18, 400])
def test_services_built_from_each_other_are_each_looked_at_once(number: int) -> None:
    """18 in a row took 41 seconds; one that names itself ended in a RecursionError."""
    model = {"services": built_from_each_other(number)}
    found = ingredients(model, "s0", Sources(".env"), Path("/checkout"))
    assert sorted(found["builds"].values()) == sorted(model["services"])
    assert seconds(lambda: ingredients(model, "s0", Sources(".env"), Path("/checkout"))) < 1


def test_a_context_that_is_no_service_with_a_build_is_no_folder() -> None:
    build = {"context": "/checkout/a", "additional_contexts": {"x": "service:b", "y": "service:z"}}
    model = {"services": {"a": {"build": build}, "b": {"image": "b:1"}}}
    found = ingredients(model, "a", Sources(".env"), Path("/checkout"))
    assert found["builds"] == {"build context ./a": "a"}


def test_many_services_with_many_networks_cost_what_they_use() -> None:
    def model(number: int) -> dict[str, Any]:
        services = {f"s{each}": {"networks": {f"n{each}": None}} for each in range(number)}
        return {"services": services, "networks": {f"n{each}": {} for each in range(number)}}

    many = model(5_000)
    assert used(many, "s7", "networks") == {"n7": {}}
    assert seconds(lambda: [used(many, name, "networks") for name in many["services"]]) < 2


SHIM = """#!/bin/sh
echo "$@" >>{log}
{git} "$@" >{log}.out
code=$?
case "$*" in *ls-tree*) wc -c <{log}.out >>{log}.bytes;; esac
cat {log}.out
exit $code
"""


def test_one_question_to_git_is_enough_however_large_the_repository(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    many = {f"large/{folder}/{number}": "" for folder in range(20) for number in range(100)}
    bench.repository.commit(many)
    services = {f"s{number}": bind(f"large/{number}", "a/x.conf") for number in range(10)}
    bench.take(services)  # the mirror and the checkout are there

    log = tmp_path / "calls"
    real = next(p for d in os.environ["PATH"].split(":") if (p := Path(d) / "git").exists())
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(log=log, git=real))
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    bench.take(services)
    calls = [line for line in log.read_text().splitlines() if "ls-tree" in line]
    assert len(calls) == 1
    assert " -r " not in calls[0]
    # Folders are told by one line each, whatever is in them.
    assert int(Path(f"{log}.bytes").read_text()) < 3000

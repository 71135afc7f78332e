"""Only what a commit changes gets a new container, and the run says why."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.deploy.workspace import Workspace
from tests.scenarios.deploys.stage import Files, Run, Stage, stack_files, touched, without_image
from tests.support.compose_files import sleeper
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.repository import Repository
from tests.support.service import Service
from tests.support.triggers import control, webhook
from tests.support.waiting import wait_until

SPACED = "with space/ünï, côde.conf"


def services(setting: str = "1") -> dict[str, object]:
    """Return a service for each kind of thing that a service is made from."""
    return {
        "plain": sleeper(),
        "rendered": sleeper(environment={"SETTING": setting}),
        "env": sleeper(env_file="env/app.env"),
        "file": sleeper(volumes=["./a/nginx.conf:/nginx.conf"]),
        "folder": sleeper(volumes=["./a:/a"]),
        "namesake": sleeper(volumes=["./b/nginx.conf:/nginx.conf"]),
        "link": sleeper(volumes=["./current.conf:/current.conf"]),
        "spaced": sleeper(volumes=[f"./{SPACED}:/spaced.conf"]),
        "config": sleeper(configs=["settings"]),
        "secret": sleeper(secrets=["token"]),
        "extended": sleeper(extends={"file": "base/base.yml", "service": "any"}),
        "variable": sleeper(environment={"SETTING": "${SETTING}"}),
        "named": sleeper(secrets=["named"]),
        "given": sleeper(environment={"SETTING": "${GIVEN:-1}"}),
    }


def part(version: str) -> str:
    return json.dumps({"services": {"included": sleeper(environment={"VERSION": version})}})


def base(version: str) -> str:
    return json.dumps({"services": {"any": {"environment": {"VERSION": version}}}})


def everything(setting: str = "1") -> Files:
    return stack_files(
        services(setting),
        {
            "env/app.env": "SETTING=1\n",
            "a/nginx.conf": "1",
            "a/other.conf": "1",
            "b/nginx.conf": "1",
            "releases/conf": "1",
            SPACED: "1",
            "conf/settings": "1",
            "conf/token": "1",
            "base/base.yml": base("1"),
            "parts/part.yml": part("1"),
            ".env": "SETTING=1\nNAMED=1\n",
        },
        include=["parts/part.yml"],
        configs={"settings": {"file": "conf/settings"}},
        secrets={"token": {"file": "conf/token"}, "named": {"environment": "NAMED"}},
    )


def dotenv(stage: Stage, **variables: str) -> Files:
    """Return the file of variables, with other values for some."""
    text = (stage.repository.path / ".env").read_text()
    for name, value in variables.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    return {".env": text}


@pytest.fixture(scope="module")
def stage(
    shared_service: Service, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    repository = Repository(tmp_path_factory.mktemp("everything") / "repository")
    repository.link("current.conf", "releases/conf")
    repository.commit(everything())
    return Stage(shared_service, engine, repository).create(compose_variables={"OTHER": "1"})


@dataclass
class Change:
    """A commit, and what must come of it; `shown` is what the container must print then."""

    files: Files
    reasons: dict[str, str]
    shown: str
    command: tuple[str, ...] = ("sh", "-c", "echo $SETTING$VERSION")


def mounted(name: str, service: str, path: str, reason: str, *others: str) -> Change:
    reasons = dict.fromkeys((service, *others), reason)
    return Change({name: "two"}, reasons, "two", ("cat", path))


CHANGES = {
    "the rendered configuration": Change(
        {"compose.yml": everything("two")["compose.yml"]},
        {"rendered": "configuration changed (compose.yml)"},
        "two",
    ),
    "an env file": Change(
        {"env/app.env": "SETTING=two\n"}, {"env": "env file ./env/app.env changed"}, "two"
    ),
    "a file in a folder that another service mounts": Change(
        {"a/nginx.conf": "two"},
        {"file": "bind mount ./a/nginx.conf changed", "folder": "bind mount ./a changed"},
        "two",
        ("cat", "/nginx.conf"),
    ),
    "a file in a mounted folder": mounted(
        "a/other.conf", "folder", "/a/other.conf", "bind mount ./a changed"
    ),
    "a file of the same name elsewhere": mounted(
        "b/nginx.conf", "namesake", "/nginx.conf", "bind mount ./b/nginx.conf changed"
    ),
    "a file that a mounted link leads to": mounted(
        "releases/conf", "link", "/current.conf", "bind mount ./current.conf changed"
    ),
    "a file with spaces and letters of all kinds": mounted(
        SPACED, "spaced", "/spaced.conf", f"bind mount ./{SPACED} changed"
    ),
    "a config's file": mounted(
        "conf/settings", "config", "/settings", "config file ./conf/settings changed"
    ),
    "a secret's file": mounted(
        "conf/token", "secret", "/run/secrets/token", "secret file ./conf/token changed"
    ),
    "the file that is extended": Change(
        {"base/base.yml": base("two")},
        {"extended": "configuration changed (base/base.yml)"},
        "two",
    ),
    "the file that is included": Change(
        {"parts/part.yml": part("two")},
        {"included": "configuration changed (parts/part.yml)"},
        "two",
    ),
}


@pytest.mark.row("G20")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_touches_its_service_alone_is_seen_inside_and_explained(
    stage: Stage, change: Change
) -> None:
    before = stage.ids
    run = stage.deploy(change.files)
    assert run["reasons"] == change.reasons
    assert touched(stage, before) == set(change.reasons)
    assert stage.inside(next(iter(change.reasons)), *change.command) == change.shown
    told(run, stage)


def told(run: Run, stage: Stage) -> None:
    """Check that the log has a line for each touched service and names the others."""
    for service, reason in run["reasons"].items():
        assert f"{service}: {reason}" in run["output"]
    untouched = ", ".join(sorted(stage.ids.keys() - run["reasons"].keys()))
    assert f"==> compare: untouched: {untouched}" in run["output"]


def test_a_variable_of_the_repository_touches_the_services_that_use_it(stage: Stage) -> None:
    before = stage.ids
    run = stage.deploy(dotenv(stage, SETTING="two"))
    assert run["reasons"] == {"variable": "configuration changed (.env)"}
    assert touched(stage, before) == {"variable"}
    assert stage.inside("variable", "sh", "-c", "echo $SETTING") == "two"
    told(run, stage)


def test_a_changed_variable_touches_the_services_that_use_it(stage: Stage) -> None:
    before = stage.ids
    others = stage.show()["compose_variables"]
    run = stage.patch(compose_variables=others | {"GIVEN": "three", "OTHER": "2"})
    assert run["reasons"] == {"given": "variables changed"}
    assert touched(stage, before) == {"given"}
    assert stage.inside("given", "sh", "-c", "echo $SETTING") == "three"
    told(run, stage)


def test_a_secret_that_is_a_variable_follows_it(stage: Stage) -> None:
    before = stage.ids
    run = stage.deploy(dotenv(stage, NAMED="four"))
    assert run["reasons"] == {"named": "secret named (variable NAMED) changed"}
    assert touched(stage, before) == {"named"}
    assert stage.read("named", "/run/secrets/named") == "four"

    run = stage.patch(compose_variables=stage.show()["compose_variables"] | {"NAMED": "five"})
    assert run["reasons"] == {"named": "secret named (variable NAMED) changed"}
    assert stage.read("named", "/run/secrets/named") == "five"
    stored = json.dumps(docker("inspect", stage.ids["named"]))
    assert "five" not in stored


def test_several_changes_are_all_named(stage: Stage) -> None:
    before = stage.ids
    run = stage.deploy({"conf/token": "six", "b/nginx.conf": "six", "README": "six"})
    assert run["reasons"] == {
        "namesake": "bind mount ./b/nginx.conf changed",
        "secret": "secret file ./conf/token changed",
    }
    assert touched(stage, before) == {"namesake", "secret"}


def test_a_file_that_becomes_executable_is_a_change(stage: Stage) -> None:
    before = stage.ids
    (stage.repository.path / "b/nginx.conf").chmod(0o755)
    run = stage.deploy()
    assert run["reasons"] == {"namesake": "bind mount ./b/nginx.conf changed"}
    assert touched(stage, before) == {"namesake"}
    stage.inside("namesake", "test", "-x", "/nginx.conf")


def taken_back(stage: Stage) -> None:
    """Go back by a commit, so that other tests find the files that they know."""
    stage.repository.git("revert", "--no-edit", "HEAD")
    stage.ended(webhook(stage.service, stage.uuid))


def test_a_link_that_leads_elsewhere_is_a_change(stage: Stage) -> None:
    before = stage.ids
    (stage.repository.path / "current.conf").unlink()
    stage.repository.link("current.conf", "b/nginx.conf")
    run = stage.deploy({"b/unused": "seven"})
    assert run["reasons"] == {"link": "bind mount ./current.conf changed"}
    assert touched(stage, before) == {"link"}
    assert stage.read("link", "/current.conf") == stage.read("namesake", "/nginx.conf")
    taken_back(stage)


def test_a_renamed_file_is_a_change_of_both_names(stage: Stage) -> None:
    before = stage.ids
    stage.repository.git("mv", SPACED, "renamed file.conf")
    document = json.loads((stage.repository.path / "compose.yml").read_text())
    document["services"]["spaced"]["volumes"] = ["./renamed file.conf:/spaced.conf"]
    run = stage.deploy({"compose.yml": json.dumps(document)})
    reason = run["reasons"].pop("spaced")
    assert run["reasons"] == {}
    assert f"bind mount ./{SPACED} changed" in reason
    assert "bind mount ./renamed file.conf changed" in reason
    assert touched(stage, before) == {"spaced"}
    renamed = stage.repository.path / "renamed file.conf"
    assert stage.read("spaced", "/spaced.conf") == renamed.read_text()
    taken_back(stage)


def test_a_file_renamed_in_a_mounted_folder_is_a_change(stage: Stage) -> None:
    before = stage.ids
    stage.repository.git("mv", "a/other.conf", "a/another.conf")
    run = stage.deploy()
    assert run["reasons"] == {"folder": "bind mount ./a changed"}
    assert touched(stage, before) == {"folder"}
    assert stage.inside("folder", "ls", "/a").split() == ["another.conf", "nginx.conf"]


def test_a_commit_that_changes_nothing_of_the_stack_moves_the_checkout_alone(
    stage: Stage,
) -> None:
    before = stage.containers
    run = stage.ended(stage.push({"README": "words", "docs/more": "words"}), "skipped")
    assert "Nothing of the stack changed" in run["message"]
    assert "Deployed" not in run["message"]
    assert run["reasons"] == {}
    assert run["commit_after"] == stage.repository.head
    assert stage.show()["commit"] == stage.repository.head
    assert stage.containers == before
    assert (stage.checkout / "docs/more").read_text() == "words"

    again = stage.ended(webhook(stage.service, stage.uuid), "skipped")
    assert "Already at" in again["message"]
    run = stage.deploy({"conf/token": "eight"})
    assert run["commit_before"] == again["commit_after"]
    assert set(run["reasons"]) == {"secret"}


def test_a_redeploy_that_changes_nothing_keeps_every_container(stage: Stage) -> None:
    before = stage.containers
    run = stage.ended(control(stage.service, stage.uuid, "redeploy"))
    assert run["reasons"] == {}
    assert stage.containers == before


# Stacks of their own


@pytest.fixture
def own(shared_service: Service, engine: Engine, tmp_path: Path) -> Stage:
    return Stage(shared_service, engine, Repository(tmp_path / "repository"))


def test_a_poll_that_finds_nothing_of_the_stack_changed_claims_no_deploy(own: Stage) -> None:
    own.repository.commit(stack_files({"web": sleeper()}))
    own.create(strategy="polling", polling_interval=1)
    before = own.containers
    head = own.repository.commit({"README": "words"})
    wait_until(lambda: own.show()["commit"] == head, "the recorded commit moves")
    newest, _first = own.service.runs(own.uuid)
    assert (newest["status"], newest["trigger"]) == ("skipped", "polling")
    assert "Nothing of the stack changed" in newest["message"]
    assert own.containers == before
    assert (own.checkout / "README").read_text() == "words"
    mirror = Workspace(own.service.storage, own.uuid, own.repository.url).mirror
    reference = f"refs/supervisor/{own.uuid}/applied"
    assert own.repository.git(f"--git-dir={mirror}", "rev-parse", reference) == head


def test_a_mounted_file_that_is_deleted_and_comes_back_is_a_change_each_time(own: Stage) -> None:
    mounts = ["./gone.conf:/gone.conf"]
    own.repository.commit(
        stack_files({"web": sleeper(volumes=mounts), "db": sleeper()}, {"gone.conf": "1"})
    )
    own.create()
    before = own.ids
    run = own.deploy(remove=["gone.conf"])
    assert run["reasons"] == {"web": "bind mount ./gone.conf changed"}
    assert touched(own, before) == {"web"}
    own.inside("web", "test", "!", "-f", "/gone.conf")
    run = own.deploy({"gone.conf": "2"})
    assert run["reasons"] == {"web": "bind mount ./gone.conf changed"}
    assert own.read("web", "/gone.conf") == "2"
    assert own.ids["db"] == before["db"]


@pytest.mark.row("D9")
def test_a_removed_service_loses_its_container_and_keeps_its_volume(own: Stage) -> None:
    data = {"volumes": {"data": {}}}
    own.repository.commit(
        stack_files({"web": sleeper(), "old": sleeper(volumes=["data:/data"])}, **data)
    )
    own.create()
    own.inside("old", "sh", "-c", "echo precious >/data/file")
    before = own.ids
    run = own.deploy(stack_files({"web": sleeper(), "new": sleeper()}))
    assert run["reasons"] == {"old": "no longer in the compose file", "new": "new service"}
    assert set(own.ids) == {"web", "new"}
    assert own.ids["web"] == before["web"]
    own.deploy(stack_files({"web": sleeper(), "old": sleeper(volumes=["data:/data"])}, **data))
    assert own.read("old", "/data/file") == "precious"


def test_a_service_in_anothers_network_goes_along_with_it(own: Stage) -> None:
    def files(version: str) -> Files:
        return stack_files(
            {
                "vpn": sleeper(environment={"VERSION": version}),
                "web": sleeper(network_mode="service:vpn"),
                "db": sleeper(depends_on=["vpn"]),
            }
        )

    own.repository.commit(files("1"))
    own.create()
    before = own.ids
    run = own.deploy(files("2"))
    assert run["reasons"] == {
        "vpn": "configuration changed (compose.yml)",
        "web": "needs vpn, which is recreated",
    }
    assert touched(own, before) == {"vpn", "web"}


# Images that are built


def dockerfile(version: str) -> str:
    return f"FROM {BASE_IMAGE}\nCOPY page /page\nRUN echo {version} >/version\n"


@pytest.fixture(scope="module")
def built(
    shared_service: Service, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    shared = engine.claim_image(f"{BASE_IMAGE}-shared")
    apart = {"context": "apart", "dockerfile": "../docker/Dockerfile"}
    services = {
        "web": sleeper(build="app", image=shared),
        "worker": sleeper(image=shared, pull_policy="never"),
        "apart": without_image(build=apart),
        "db": sleeper(),
    }
    repository = Repository(tmp_path_factory.mktemp("built") / "repository")
    repository.commit(
        stack_files(
            services,
            {
                "app/Dockerfile": dockerfile("1"),
                "app/page": "1",
                "apart/page": "1",
                "docker/Dockerfile": dockerfile("1"),
            },
        )
    )
    yield Stage(shared_service, engine, repository).create()


BUILDS = {
    "the context": ({"app/page": "two"}, "build context ./app changed", "/page"),
    "the Dockerfile in it": (
        {"app/Dockerfile": dockerfile("two")},
        "build context ./app changed",
        "/version",
    ),
}


@pytest.mark.parametrize(("files", "reason", "path"), BUILDS.values(), ids=BUILDS)
def test_what_an_image_is_built_from_touches_the_services_that_have_it(
    built: Stage, files: Files, reason: str, path: str
) -> None:
    before = built.ids
    run = built.deploy(files)
    assert run["reasons"] == {"web": reason, "worker": reason}
    assert touched(built, before) == {"web", "worker"}
    assert built.read("web", path) == "two"
    assert built.read("worker", path) == "two"
    told(run, built)


def test_a_dockerfile_outside_of_its_context_touches_the_service(built: Stage) -> None:
    before = built.ids
    run = built.deploy({"docker/Dockerfile": dockerfile("three")})
    assert run["reasons"] == {"apart": "Dockerfile ./docker/Dockerfile changed"}
    assert touched(built, before) == {"apart"}
    assert built.read("apart", "/version") == "three"


def test_a_context_whose_image_stays_the_same_touches_nothing(built: Stage) -> None:
    before = built.containers
    run = built.ended(built.push({"app/README": "not copied into the image"}), "skipped")
    assert "Nothing of the stack changed" in run["message"]
    assert built.containers == before


def test_a_tag_that_stands_for_another_image_now_is_a_reason(own: Stage, engine: Engine) -> None:
    tag = f"{BASE_IMAGE}-moved"
    engine.claim_image(tag)
    docker("image", "tag", BASE_IMAGE, tag)
    own.repository.commit(stack_files({"web": sleeper(image=tag), "db": sleeper()}))
    own.create()
    before = own.ids
    unlabelled = "LABEL com.docker.compose.project=none"
    docker("container", "commit", "--change", unlabelled, before["db"], tag)
    own.repository.commit({"README": "nothing of the stack"})
    run = own.ended(webhook(own.service, own.uuid))
    assert run["reasons"] == {"web": "its image is another one now"}
    assert touched(own, before) == {"web"}

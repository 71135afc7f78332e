"""What the addresses, names and commands of submodules could do to us, they can't."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.deploy.content import Content
from supervisor.deploy.spec import StackSpec
from supervisor.deploy.workspace import Workspace
from supervisor.errors import CommandTimedOut, SupervisorError
from supervisor.settings.config import TimeLimits
from tests.support.git_http import GitServer
from tests.support.repository import Repository

pytestmark = pytest.mark.row("G7")

Bring = Callable[..., str]
LIMITS = TimeLimits()


@pytest.fixture
def lib(tmp_path: Path) -> Repository:
    lib = Repository(tmp_path / "lib")
    lib.commit({"config": "1"})
    return lib


@pytest.fixture
def parent(tmp_path: Path, lib: Repository) -> Repository:
    parent = Repository(tmp_path / "parent")
    parent.submodule("lib", "../lib", lib.head)
    parent.commit({"compose.yml": ""})
    return parent


@pytest.fixture
def bring(tmp_path: Path, git_server: GitServer, parent: Repository) -> Bring:
    """Bring the parent's newest commit here as a deploy does, with its submodules."""

    def bring(limits: TimeLimits = LIMITS) -> str:
        remote = Remote(git_server.url(parent.path), "git", git_server.password)
        place = Workspace(tmp_path / "storage", "x", remote.url)
        spec = StackSpec("x", "x", remote, "main", "compose.yml", submodules=True)
        content = Content(spec, place, Shell(), LIMITS, lambda _step, _text: None)
        content.obtain("refs/heads/main", parent.head)
        return replace(content, limits=limits).with_submodules(parent.head)

    return bring


def test_what_is_harmless_is_brought(bring: Bring) -> None:
    assert len(bring()) == 40


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc", "file:// is not allowed"),
        ("/etc", "is not a valid URL"),
        ("ext::sh -c touch% {0}/ran", "is not a valid URL"),
        ("ssh://-oProxyCommand=touch%20{0}/ran/x", "is not a valid URL"),
        ("ssh://git@elsewhere.example.org/x", "is on another host"),
        ("git@elsewhere.example.org:x", "is on another host"),
        ("http://169.254.169.254/latest", "link-local"),
        ("https://user:secret@h/r", "must not hold credentials"),
    ],
)
def test_an_address_that_could_do_harm_is_refused(
    bring: Bring, parent: Repository, lib: Repository, tmp_path: Path, url: str, message: str
) -> None:
    parent.submodule("lib", url.format(tmp_path), lib.head)
    parent.commit()
    assert message in refusal(bring)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("lib.update", "!touch {0}/ran"),
        ("../../x.url", "../lib"),
        ("lib.path", "-lib"),
        ("lib.url", "--upload-pack=touch {0}/ran"),
        ("lib.url", "-u./x"),
        ("lib.url", "http://h/%0ax"),
    ],
)
def test_what_git_itself_knows_as_an_attack_is_not_even_fetched(
    bring: Bring, parent: Repository, tmp_path: Path, setting: str, value: str
) -> None:
    parent.git("config", "--file", ".gitmodules", f"submodule.{setting}", value.format(tmp_path))
    parent.commit()
    assert "refuses as dangerous" in refusal(bring)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["../outside", "/outside", "lib/../../outside", ".git/x"])
def test_a_path_that_leaves_the_repository_is_no_submodule(
    bring: Bring, parent: Repository, path: str
) -> None:
    for key, value in (("path", path), ("url", "../lib")):
        parent.git("config", "--file", ".gitmodules", f"submodule.x.{key}", value)
    parent.commit()
    assert len(bring()) == 40


def test_submodules_inside_each_other_have_an_end(
    bring: Bring, parent: Repository, lib: Repository, git_server: GitServer, tmp_path: Path
) -> None:
    below = lib
    for number in range(6):
        above = Repository(tmp_path / f"chain-{number}")
        above.submodule("lib", git_server.url(below.path), below.head)
        above.commit()
        below = above
    parent.submodule("lib", git_server.url(below.path), below.head)
    parent.commit()
    assert "more than 5 inside each other" in refusal(bring)


def test_a_commit_that_a_submodule_lacks_is_called_so(bring: Bring, parent: Repository) -> None:
    parent.submodule("lib", "../lib", "1" * 40)
    parent.commit()
    assert "Submodule lib: The repository has no such" in refusal(bring)


def test_submodules_share_one_time_limit(
    bring: Bring, parent: Repository, git_server: GitServer
) -> None:
    bring()
    parent.submodule("lib", "../lib", "1" * 40)
    parent.commit()
    with pytest.raises(CommandTimedOut, match="fetching submodules"):
        bring(TimeLimits(fetch=0))


def refusal(bring: Bring) -> str:
    with pytest.raises(SupervisorError) as caught:
        bring()
    return str(caught.value)

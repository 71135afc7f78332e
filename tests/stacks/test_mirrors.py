"""What the daily tidying keeps of the mirrors, and what it removes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.commands.git.mirror import Git
from supervisor.commands.process.shell import Shell
from supervisor.deploy.workspace import Workspace, mirror_locked
from supervisor.errors import CommandTimedOut
from supervisor.security.secret import Secret
from supervisor.settings.config import Config
from supervisor.stacks import mirrors
from tests.support.api import Api
from tests.support.service import API_KEY, SECRET_KEY_BASE


def test_mirrors_that_no_stack_uses_are_removed(make_api: Callable[..., Api]) -> None:
    api = make_api()
    config = Config(Secret(API_KEY), Secret(SECRET_KEY_BASE), api.storage)
    address = "https://git.example.org/shop.git"
    api.create(git_repository=address, shallow=True)

    def mirror(*repository: object) -> Path:
        folder = Workspace(api.storage, "", *repository).mirror  # type: ignore[arg-type]
        Git(Shell(), folder).create()
        return folder

    used, left = mirror(address, True), [mirror(address), mirror("https://h/former.git")]
    with api.app.app_context():
        mirrors.tidy_mirrors(config)
    assert used.exists()
    assert not any(folder.exists() for folder in left)


def test_the_mirror_of_the_last_stack_goes_unless_somebody_has_it(
    make_api: Callable[..., Api],
) -> None:
    api = make_api()
    config = Config(Secret(API_KEY), Secret(SECRET_KEY_BASE), api.storage)
    folders = [
        Workspace(api.storage, "", url, False).mirror for url in ("https://h/1", "https://h/2")
    ]
    for mirror in folders:
        Git(Shell(), mirror).create()
    api.create(git_repository="https://h/2")
    unwanted, wanted = folders
    with api.app.app_context():
        with mirror_locked(unwanted, 1):
            mirrors.drop_unwanted(config, unwanted)
        assert unwanted.exists()
        mirrors.drop_unwanted(config, unwanted)
        mirrors.drop_unwanted(config, wanted)
    assert (unwanted.exists(), wanted.exists()) == (False, True)


def test_a_mirror_has_one_lock_whatever_path_leads_to_it(tmp_path: Path) -> None:
    inside, on_the_host = tmp_path / "storage", tmp_path / "host"
    mirrors = [Workspace(path, "", "https://h/1").mirror for path in (inside, on_the_host)]
    with mirror_locked(mirrors[0], 1), pytest.raises(CommandTimedOut), mirror_locked(mirrors[1], 0):
        pass

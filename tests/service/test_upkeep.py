"""What the daily tidying keeps of the mirrors, and what it removes."""

from collections.abc import Callable
from pathlib import Path

from supervisor import upkeep
from supervisor.commands.git import Git
from supervisor.commands.shell import Shell
from supervisor.config import Config
from supervisor.deploy.spec import Workspace
from supervisor.secret import Secret
from tests.api.conftest import Api, make_api  # noqa: F401 (a fixture)
from tests.support.service import API_KEY, SECRET_KEY_BASE


def test_mirrors_that_no_stack_uses_are_removed(make_api: Callable[..., Api]) -> None:  # noqa: F811
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
        upkeep.tidy_mirrors(config)
    assert used.exists()
    assert not any(folder.exists() for folder in left)

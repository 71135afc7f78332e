"""Images of registries that want a login, by Docker's own config.json."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartService
from tests.support.compose_files import compose, sleeper
from tests.support.engine import BASE_IMAGE, Engine, docker
from tests.support.registry import Registry, basic
from tests.support.repository import Repository
from tests.support.triggers import control


@pytest.fixture
def registry(engine: Engine) -> Iterator[Registry]:
    with Registry(BASE_IMAGE) as registry:
        yield registry
        docker("image", "rm", "--force", f"{registry.host}/private/app:1", check=False)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A folder for Docker's configuration, with the plugins of the usual one."""
    usual = Path(os.environ.get("DOCKER_CONFIG", Path.home() / ".docker"))
    folder = tmp_path / "docker"
    folder.mkdir()
    if (usual / "cli-plugins").exists():
        (folder / "cli-plugins").symlink_to(usual / "cli-plugins")
    return folder


def test_a_login_that_changes_is_used_by_the_next_pull(
    start_service: StartService,
    engine: Engine,
    repository: Repository,
    registry: Registry,
    configuration: Path,
) -> None:
    def write(**configured: object) -> None:
        (configuration / "config.json").write_text(json.dumps(configured))

    def log_in(password: str) -> None:
        write(auths={registry.host: {"auth": basic("ada", password)}})

    image = f"{registry.host}/private/app:1"
    repository.commit(compose({"web": sleeper(image=image)}))
    service = start_service(DOCKER_CONFIG=str(configuration))
    stack = service.create_stack(git_repository=repository.url)
    uuid = stack["uuid"]

    failed = service.wait_for_run(uuid, status="failed")
    assert failed["message"].startswith("pull: The registry gives an image only with a login")
    assert "docs/private-repositories.md" in failed["message"]
    assert set(registry.logins) == {None}

    log_in("wrong-passw0rd")
    failed = service.wait_for_run(uuid, control(service, uuid, "redeploy"), status="failed")
    assert failed["message"].startswith("pull: The registry gives an image only with a login")
    assert registry.logins[-1] == basic("ada", "wrong-passw0rd")
    assert "wrong-passw0rd" not in service.log_text

    write(credsStore="missing")
    failed = service.wait_for_run(uuid, control(service, uuid, "redeploy"), status="failed")
    assert "a helper that isn't installed here" in failed["message"]

    log_in("pass-w0rd")
    service.wait_for_run(uuid, control(service, uuid, "redeploy"))
    assert registry.logins[-1] == registry.login
    assert set(engine.containers(stack["project"], running=True)) == {"web"}

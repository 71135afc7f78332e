"""The images of a commit: fetched before anything is touched, compared with those that run."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from supervisor.commands.docker.compose import Compose
from supervisor.commands.docker.images import find_image, local_images
from supervisor.deploy.state import AppliedState
from supervisor.settings.config import TimeLimits

Model = Mapping[str, Any]


def fetch_images(
    compose: Compose,
    model: Model,
    local: Future[dict[str, str]],
    limits: TimeLimits,
    step: Callable[[str, str], None],
) -> dict[str, str | None]:
    """Pull and build the images that are not here; return the id of each service's image."""
    services = model.get("services") or {}
    fetched = False
    if any("build" not in service for service in services.values()):
        step("pull", "docker compose pull")
        fetched = compose.pull(model, local.result(), limits.pull)
    if any("build" in service for service in services.values()):
        step("build", "docker compose build")
        compose.build(limits.build)
        fetched = True
    present = local_images(compose.engine, limits.pull) if fetched else local.result()
    project = compose.project.name
    return {
        name: find_image(present, service.get("image") or f"{project}-{name}")
        for name, service in services.items()
    }


def are_same(applied: AppliedState | None, images: Mapping[str, str | None]) -> dict[str, bool]:
    """Tell of each service that runs whether its image is still the one that it runs with."""
    runs_with = applied.images if applied else {}
    return {
        service: images[service] == image
        for service, (_name, image) in runs_with.items()
        if service in images
    }

"""Bringing a project to a state, with the images that the state had."""

import json
from pathlib import Path

from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.docker.containers import containers_of, unpause
from supervisor.commands.docker.engine import Engine
from supervisor.commands.docker.images import image_id, tag_image
from supervisor.deploy.model.containment import file_within, optional_file_within
from supervisor.deploy.model.fingerprint import overrides
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Tree, Workspace
from supervisor.errors import CommandFailed, DiskFull, ImageNotFound


def compose_for(
    engine: Engine,
    project: str,
    tree: Tree | None = None,
    state: AppliedState | None = None,
    extra: Path | None = None,
) -> Compose:
    """Return Compose for a project: by name alone, or with the files of a state in a tree.

    Raise DeployRefused where one of them is gone or leads out of the tree.
    """
    if tree is None or state is None:
        return Compose(engine, Project(project, Path("/")))
    files = tuple(file_within(tree.path, name) for name in state.compose_files)
    folder = Path(state.compose_file).parent
    dotenv = optional_file_within(tree.path, str(folder / ".env"))
    every = (*files, extra) if extra else files
    return Compose(engine, Project(project, tree.path / folder, every, state.variables, dotenv))


def bring_up(
    engine: Engine,
    project: str,
    place: Workspace,
    state: AppliedState,
    pins: dict[str, str],
    seconds: float,
) -> None:
    """Run `up` in the stable checkout, which has the state's commit already."""
    extra = place.folder / "overrides.json"
    try:
        extra.write_text(json.dumps(overrides(state.fingerprint, pins)))
    except OSError as error:
        raise DiskFull(f"The disk is full: free space in Supervisor's storage ({error})") from None
    compose = compose_for(engine, project, place.checkout, state, extra)
    try:
        compose.up(seconds)
    except CommandFailed as error:
        if "cannot start a paused container" not in error.output:
            raise
        found = containers_of(engine, project)
        unpause(engine, [each.id for each in found if each.status == "paused"])
        compose.up(seconds)


def put_back_images(engine: Engine, project: str, state: AppliedState) -> dict[str, str]:
    """Make sure that a state's services get the images they had; return those to pin by id.

    A name that Compose made for this project is moved back; other names may be somebody else's.
    An image whose name is its id was pinned before: the compose file has another name for it.
    """
    pins = {}
    for service, (name, image) in state.images.items():
        if name != image and image_id(engine, name) == image:
            continue
        if image_id(engine, image) is None:
            raise ImageNotFound(f"The image that {service} had ({name}) is no longer here")
        if name == f"{project}-{service}":
            tag_image(engine, image, name)
        else:
            pins[service] = image
    return pins

"""Bringing a project to a state, with the images that the state had."""

import json
from pathlib import Path

from supervisor.commands.docker import containers as docker
from supervisor.commands.docker.compose import Compose, Project
from supervisor.commands.process.shell import Shell
from supervisor.deploy.model.containment import file_within, optional_file_within
from supervisor.deploy.model.fingerprint import overrides
from supervisor.deploy.state import AppliedState
from supervisor.deploy.workspace import Tree, Workspace
from supervisor.errors import CommandFailed, DiskFull, ImageNotFound


def compose_for(
    shell: Shell,
    project: str,
    tree: Tree | None = None,
    state: AppliedState | None = None,
    extra: Path | None = None,
) -> Compose:
    """Return Compose for a project: by name alone, or with the files of a state in a tree.

    Raise DeployRefused where one of them is gone or leads out of the tree.
    """
    if tree is None or state is None:
        return Compose(shell, Project(project, Path("/")))
    files = tuple(file_within(tree.path, name) for name in state.compose_files)
    folder = Path(state.compose_file).parent
    dotenv = optional_file_within(tree.path, str(folder / ".env"))
    every = (*files, extra) if extra else files
    return Compose(shell, Project(project, tree.path / folder, every, state.variables, dotenv))


def bring_up(
    shell: Shell,
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
    compose = compose_for(shell, project, place.checkout, state, extra)
    try:
        compose.up(seconds)
    except CommandFailed as error:
        if "cannot start a paused container" not in error.output:
            raise
        found = docker.containers(shell, project)
        docker.unpause(shell, [each.id for each in found if each.status == "paused"])
        compose.up(seconds)


def put_back_images(shell: Shell, project: str, state: AppliedState) -> dict[str, str]:
    """Make sure that a state's services get the images they had; return those to pin by id.

    A name that Compose made for this project is moved back; other names may be somebody else's.
    An image whose name is its id was pinned before: the compose file has another name for it.
    """
    pins = {}
    for service, (name, image) in state.images.items():
        if name != image and docker.image_id(shell, name) == image:
            continue
        if docker.image_id(shell, image) is None:
            raise ImageNotFound(f"The image that {service} had ({name}) is no longer here")
        if name == f"{project}-{service}":
            docker.tag_image(shell, image, name)
        else:
            pins[service] = image
    return pins

"""The Docker engine, and what one test session leaves on it: nothing."""

import os
import subprocess
from pathlib import Path

from tests.support import ROOT
from tests.support.waiting import noted, wait_until

PROJECT_LABEL = "com.docker.compose.project"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
# One tag for each session, so that two at once don't take it away from each other.
BASE_IMAGE = f"supervisor-test/base:{os.getpid()}"


def docker(*arguments: str, check: bool = True) -> str:
    """Run the Docker command line; return what it prints, without the last line end."""
    with noted(f"docker {' '.join(arguments)}"):
        done = subprocess.run(
            ["docker", *arguments], check=False, capture_output=True, text=True, timeout=60
        )
    if check and done.returncode:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


class Engine:
    """A running engine. Remembers the Compose projects of the session, and removes them."""

    def __init__(self) -> None:
        """Make the base image; fail if no engine answers."""
        if not docker("info", "--format", "{{.ServerVersion}}", check=False):
            raise AssertionError("No Docker engine answers. `make test` brings one.")
        subprocess.run([ROOT / "scripts/base-image.sh", BASE_IMAGE], check=True, timeout=60)
        self._projects: set[str] = set()
        self._images: set[str] = {BASE_IMAGE}

    def claim(self, project: str) -> str:
        """Have everything of this Compose project removed at the end."""
        self._projects.add(project)
        return project

    def claim_image(self, tag: str) -> str:
        """Have this image removed at the end."""
        self._images.add(tag)
        return tag

    def projects_below(self, folder: Path) -> set[str]:
        """Return the projects that have containers and whose folder is below this one."""
        row = f'{{{{.Label "{PROJECT_LABEL}"}}}}\t{{{{.Label "{FOLDER_LABEL}"}}}}'
        rows = [line.split("\t") for line in docker("ps", "--all", "--format", row).splitlines()]
        return {project for project, where in rows if Path(where).is_relative_to(folder)}

    def containers(self, project: str, *, running: bool = False) -> dict[str, str]:
        """Return the ids of a project's containers by service name."""
        everyone = () if running else ("--all",)
        row = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        rows = docker("ps", *everyone, "--no-trunc", *_of(project), "--format", row)
        return dict(line.split(" ") for line in rows.splitlines())

    def run_inside(self, project: str, service: str, *command: str) -> str:
        """Return what a command prints inside a service's container."""
        return docker("exec", self.containers(project, running=True)[service], *command)

    def remove(self, project: str) -> None:
        """Remove the containers, networks, volumes and images of a project."""
        _remove("container", project, "--all")
        _remove_networks(project)
        _remove("volume", project)
        _remove("image", project)
        self._projects.discard(project)

    def close(self) -> None:
        """Remove everything that this session made."""
        for project in tuple(self._projects):
            self.remove(project)
        docker("image", "rm", "--force", *self._images)


def _of(project: str) -> tuple[str, str]:
    return "--filter", f"label={PROJECT_LABEL}={project}"


def _remove(kind: str, project: str, *options: str) -> None:
    names = _names(kind, project, *options)
    extra = ("--volumes",) if kind == "container" else ()
    if names:
        docker(kind, "rm", "--force", *extra, *names)


def _remove_networks(project: str) -> None:
    """Insist: a busy engine takes a moment to let go of containers that it has removed."""

    def are_gone() -> bool:
        names = _names("network", project)
        if names:
            docker("network", "rm", *names, check=False)
        return not names

    wait_until(are_gone, f"the networks of {project} are removed")


def _names(kind: str, project: str, *options: str) -> list[str]:
    return docker(kind, "ls", *options, *_of(project), "--quiet").split()

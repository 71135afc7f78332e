"""Where measurements happen: an engine, a folder, services; all of it gone at the end."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

from tests.support.container import STORAGE, ContainerService
from tests.support.engine import Engine
from tests.support.repository import Repository
from tests.support.service import Service


class Stage:
    """Give a measurement what it needs, and remove it at the end."""

    def __init__(self, engine: Engine | None = None) -> None:
        """Make the folder, and the base image unless there is an engine that has it."""
        self._folder = tempfile.TemporaryDirectory(prefix="supervisor-bench-")
        self.engine = engine or Engine()
        self._own_engine = engine is None
        self._services: list[Service] = []
        self._count = 0

    def __enter__(self) -> Self:
        """Clean up at the end of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Clean up."""
        self.close()

    def path(self, name: str) -> Path:
        """Return the path of something new in the folder."""
        self._count += 1
        return Path(self._folder.name) / f"{name}-{self._count}"

    def repository(self, files: Mapping[str, str | bytes]) -> Repository:
        """Return a new repository with one commit."""
        repository = Repository(self.path("repository"))
        repository.commit(files)
        return repository

    def service(self, **settings: str) -> Service:
        """Return a new service, not started yet."""
        service = Service(self.path("service"), self.engine, **settings)
        self._services.append(service)
        return service

    def container(self, image: str) -> ContainerService:
        """Return a new service in a container with a storage of its own, not started yet."""
        folder = self.path("container")
        (folder / "repositories").mkdir(parents=True)
        mounts = ["--volume", f"{folder / 'storage'}:{STORAGE}"]
        service = ContainerService(folder, self.engine, image, mounts, [])
        self._services.append(service)
        return service

    def end_services(self) -> None:
        """End every service, so that the next measurement has the machine to itself."""
        while self._services:
            self._services.pop().close()

    def close(self) -> None:
        """End what runs, remove what was made."""
        try:
            self.end_services()
        finally:
            if self._own_engine:
                self.engine.close()
            self._folder.cleanup()


def own_processes(service: Service) -> list[psutil.Process]:
    """Return master, worker, and what starts commands for it; without those commands."""
    master = psutil.Process(service.pid)
    [worker] = master.children()
    return [master, worker, *worker.children()]

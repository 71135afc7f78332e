"""Which files a project's configuration is written in: only to name them in a reason.

Compose itself decides what they mean; a file that can't be read here is just not named.
"""

import posixpath
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.commands.paths import looked_at, resolved
from supervisor.deploy.model.documents import Unreadable, read_documents

MOST_FILES = 50
MOST_BYTES = 1024 * 1024
READ_BY_SERVICES = ("env_file", "label_file")


@dataclass
class Sources:
    """The files of a project by what they are to it; paths inside the repository.

    `env_files` has the files that each service reads, by label; `outside` what lies elsewhere.
    """

    dotenv: str
    files: list[str] = field(default_factory=list)
    env_files: dict[str, dict[str, str]] = field(default_factory=dict)
    outside: dict[str, None] = field(default_factory=dict)

    def add(self, path: str) -> bool:
        """Take a file in; tell whether it's new and inside the repository."""
        new = self._is_inside(path) and path not in self.files
        if new:
            self.files.append(path)
        return new

    def add_env_file(self, service: str, word: str, path: str) -> None:
        """Take in a file that a service reads."""
        if self._is_inside(path):
            self.env_files.setdefault(service, {})[f"{word} ./{path}"] = path

    def _is_inside(self, path: str) -> bool:
        if path == ".." or path.startswith(("/", "../")):
            self.outside[path] = None
            return False
        return True


def find_sources(root: Path, compose_files: Sequence[str]) -> Sources:
    """Follow `include` and `extends` from the given files, and collect env files by service.

    Raise DeployRefused for a file that cannot be looked at.
    """
    # What the given files name is relative to the first one's folder, as Compose has it.
    files = [posixpath.normpath(path) for path in compose_files]
    folder = posixpath.dirname(files[0])
    sources = Sources(_join(folder, ".env"))
    sources.add(sources.dotenv)
    waiting = deque((path, folder) for path in files)
    while waiting and len(sources.files) < MOST_FILES:
        path, folder = waiting.popleft()
        if not sources.add(path):
            continue
        for document in _read(root, path):
            waiting += _take_in(sources, document, folder)
    return sources


def _take_in(sources: Sources, document: dict[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """Take in what a document reads; give the files that it goes on in, with their folders."""
    for env_file in _env_files_of_includes(document):
        sources.add(_join(folder, env_file))
    for name, service in _services(document):
        for key in READ_BY_SERVICES:
            for given in _paths_below(service.get(key)):
                sources.add_env_file(name, key.replace("_", " "), _join(folder, given))
    yield from _leads_to(document, folder)


def _join(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _read(root: Path, path: str) -> list[dict[str, Any]]:
    file = root / path
    if not resolved(file, path).is_relative_to(root.resolve()):
        return []
    with looked_at(path):
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return []
        content = file.read_bytes()
    try:
        documents = read_documents(content)
    except Unreadable:
        return []
    return [document for document in documents if isinstance(document, dict)]


def _services(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    services = document.get("services")
    for name, service in (services if isinstance(services, dict) else {}).items():
        if isinstance(service, dict):
            yield str(name), service


def _includes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    include = document.get("include")
    for item in include if isinstance(include, list) else []:
        yield item if isinstance(item, dict) else {"path": item}


def _leads_to(document: dict[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """Give each file with the folder that its own paths are relative to."""
    for item in _includes(document):
        paths = [_join(folder, path) for path in _paths(item.get("path"))]
        own = [_join(folder, path) for path in _paths(item.get("project_directory"))]
        for path in paths:
            yield path, own[0] if own else posixpath.dirname(paths[0])
    for _name, service in _services(document):
        extends = service.get("extends")
        for path in _paths(extends.get("file") if isinstance(extends, dict) else None):
            yield (joined := _join(folder, path)), posixpath.dirname(joined)


def _env_files_of_includes(document: dict[str, Any]) -> Iterator[str]:
    for item in _includes(document):
        yield from _paths(item.get("env_file"))


def _paths_below(given: Any) -> Iterator[str]:
    for item in given if isinstance(given, list) else [given]:
        yield from _paths(item.get("path") if isinstance(item, dict) else item)


def _paths(value: Any) -> Iterator[str]:
    for path in value if isinstance(value, list) else [value]:
        if isinstance(path, str):
            yield path

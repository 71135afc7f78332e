"""Which files a project's configuration is written in: only to name them in a reason.

Compose itself decides what they mean; a file that can't be read here is just not named.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MOST_FILES = 50
MOST_BYTES = 1024 * 1024


class _Loader(yaml.SafeLoader):
    """A safe loader that doesn't mind Compose's own tags, such as !reset."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@dataclass
class Sources:
    """The files of a project by what they are to it; paths inside the repository."""

    files: list[str] = field(default_factory=list)
    env_files: dict[str, list[str]] = field(default_factory=dict)


def find_sources(root: Path, compose_files: Sequence[str]) -> Sources:
    """Follow `include` and `extends` from the given files, and collect env files by service."""
    sources = Sources([posixpath.join(posixpath.dirname(compose_files[0]), ".env")])
    waiting = list(compose_files)
    while waiting and len(sources.files) < MOST_FILES:
        path = waiting.pop(0)
        if path in sources.files:
            continue
        sources.files.append(path)
        folder = posixpath.dirname(path)
        document = _read(root, path)
        waiting += [posixpath.normpath(posixpath.join(folder, p)) for p in _leads_to(document)]
        for name, service in _services(document):
            found = [posixpath.normpath(posixpath.join(folder, p)) for p in _env_files(service)]
            sources.env_files.setdefault(name, []).extend(found)
    return sources


def _read(root: Path, path: str) -> dict[str, Any]:
    file = root / path
    try:
        if not file.resolve().is_relative_to(root.resolve()) or file.stat().st_size > MOST_BYTES:
            return {}
        document = yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506 (a safe loader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def _services(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    services = document.get("services")
    for name, service in (services if isinstance(services, dict) else {}).items():
        if isinstance(service, dict):
            yield str(name), service


def _leads_to(document: dict[str, Any]) -> Iterator[str]:
    include = document.get("include")
    for item in include if isinstance(include, list) else []:
        yield from _paths(item.get("path") if isinstance(item, dict) else item)
    for _name, service in _services(document):
        extends = service.get("extends")
        if isinstance(extends, dict):
            yield from _paths(extends.get("file"))


def _env_files(service: dict[str, Any]) -> Iterator[str]:
    given = service.get("env_file")
    for item in given if isinstance(given, list) else [given]:
        yield from _paths(item.get("path") if isinstance(item, dict) else item)


def _paths(value: Any) -> Iterator[str]:
    for path in value if isinstance(value, list) else [value]:
        if isinstance(path, str):
            yield path

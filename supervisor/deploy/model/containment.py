"""Nothing that a repository names may lie outside of it, also not through a link."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from supervisor.commands.paths import exists, looked_at, resolved, shown
from supervisor.deploy.model.sources import Sources
from supervisor.errors import DeployRefused

LFS_POINTER = b"version https://git-lfs"


def file_within(root: Path, name: str) -> Path:
    """Return the file's absolute path; raise DeployRefused where it's gone or leaves the root."""
    path = root / name
    if not exists(path, name):
        raise DeployRefused(f"{shown(name)} is not in the repository at this commit")
    if not resolved(path, name).is_relative_to(root.resolve()):
        raise DeployRefused(f"{shown(name)} leaves the repository (a link leads outside)")
    with looked_at(name):
        if not path.is_file():
            raise DeployRefused(f"{shown(name)} is not a file")
        with path.open("rb") as file:
            start = file.read(len(LFS_POINTER))
    if start == LFS_POINTER:
        raise DeployRefused(f"{shown(name)} is kept in Git LFS, so its content isn't here")
    return path


def optional_file_within(root: Path, name: str) -> Path | None:
    """Return the file's path, None where there is none."""
    return file_within(root, name) if exists(root / name, name) else None


def check_model(
    model: Mapping[str, Any],
    root: Path,
    storage: Path,
    unseen: str = "",
    granted: Collection[tuple[str, str]] = (),
) -> None:
    """Refuse a rendered model that reaches into Supervisor's own storage beside its checkout.

    `unseen` says why the engine can't see the checkout: then nothing of it can be mounted.
    `granted` has the keys and paths that are right all the same.
    """
    if not model.get("services"):
        raise DeployRefused("The compose files have no service that would run")
    for key, source in _host_paths(model):
        if (key, source) not in granted:
            _check_path(key, Path(source), root, storage)
        own = resolved(Path(source), f"{key} {source}").is_relative_to(root.resolve())
        if unseen and own and ".build." not in key:
            raise DeployRefused(f"{key} would be empty: {unseen}")


def check_sources(sources: Sources, root: Path, storage: Path) -> None:
    """Refuse files of a project, which the rendered model doesn't name, from the storage."""
    for path in (*sources.files, *sources.outside):
        _check_path(path, root / path, root, storage)
    for service, named in sources.env_files.items():
        for label, path in named.items():
            _check_path(f"services.{service}: {label}", root / path, root, storage)


def _check_path(named_by: str, path: Path, root: Path, storage: Path) -> None:
    name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    target = resolved(path, name if name == named_by else f"{named_by} {name}")
    if target.is_relative_to(storage.resolve()) and not target.is_relative_to(root.resolve()):
        raise DeployRefused(f"{shown(named_by)} reaches into Supervisor's own storage")


def _host_paths(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, service in (model.get("services") or {}).items():
        paths = ((key, path) for key, path in _of_service(service) if path.startswith("/"))
        yield from ((f"services.{name}.{key}", path) for key, path in paths)
    for name, volume in (model.get("volumes") or {}).items():
        options = (volume or {}).get("driver_opts") or {}
        if str(options.get("device")).startswith("/"):
            yield f"volumes.{name}.driver_opts.device", options["device"]
    for kind in ("configs", "secrets"):
        for name, item in (model.get(kind) or {}).items():
            if item.get("file"):
                yield f"{kind}.{name}.file", item["file"]


def _of_service(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in service.get("volumes") or []:
        if volume.get("type") == "bind":
            yield "volumes", volume.get("source") or ""
    build = service.get("build") or {}
    yield "build.context", build.get("context") or ""
    for context in (build.get("additional_contexts") or {}).values():
        yield "build.additional_contexts", context

"""Nothing that a repository names may lie outside of it, also not through a link."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supervisor.errors import DeployRefused

LFS_POINTER = b"version https://git-lfs"


def file_within(root: Path, name: str) -> Path:
    """Return the file's absolute path; raise DeployRefused where it's gone or leaves the root."""
    path = root / name
    if not _exists(path):
        raise DeployRefused(f"{name} is not in the repository at this commit")
    if not path.resolve().is_relative_to(root.resolve()):
        raise DeployRefused(f"{name} leaves the repository (a link leads outside)")
    if not path.is_file():
        raise DeployRefused(f"{name} is not a file")
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise DeployRefused(f"{name} is kept in Git LFS, so its content isn't here")
    return path


def optional_file_within(root: Path, name: str) -> Path | None:
    """Return the file's path, None where there is none."""
    return file_within(root, name) if _exists(root / name) else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is longer than any the file system has
        return False


def check_model(model: Mapping[str, Any], root: Path, storage: Path, unseen: str = "") -> None:
    """Refuse a rendered model that reaches into Supervisor's own storage beside its checkout.

    `unseen` says why the engine can't see the checkout: then nothing of it can be mounted.
    """
    for key, source in _host_paths(model):
        path = Path(source).resolve()
        own = path.is_relative_to(root.resolve())
        if path.is_relative_to(storage.resolve()) and not own:
            raise DeployRefused(f"{key} reaches into Supervisor's own storage")
        if unseen and own and not key.endswith("build.context"):
            raise DeployRefused(f"{key} would be empty: {unseen}")


def _host_paths(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, service in (model.get("services") or {}).items():
        for volume in service.get("volumes") or []:
            if volume.get("type") == "bind" and volume.get("source"):
                yield f"services.{name}.volumes", volume["source"]
        context = (service.get("build") or {}).get("context")
        if context and context.startswith("/"):
            yield f"services.{name}.build.context", context
    for kind in ("configs", "secrets"):
        for name, item in (model.get(kind) or {}).items():
            if item.get("file"):
                yield f"{kind}.{name}.file", item["file"]

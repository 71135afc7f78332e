"""Which files and folders of the repository each service of a rendered model is made from."""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supervisor.deploy.model.sources import Sources

Model = Mapping[str, Any]

OF_SERVICE = "service:"


def ingredients(model: Model, name: str, sources: Sources, root: Path) -> dict[str, dict[str, str]]:
    """Return what a service is made from: paths in the repository by label, by kind."""
    found = {"files": _mounted(model, name), "builds": _built_from(model, name)}
    inside = {
        kind: {
            f"{word} {_shown(path)}": path for word, source in named if (path := _in(source, root))
        }
        for kind, named in found.items()
    }
    return inside | {"env_files": dict(sources.env_files.get(name, {}))}


def needs(service: Model) -> list[str]:
    """Return the services that take this one along when they are recreated."""
    depends = service.get("depends_on") or {}
    restarted = {name for name, how in depends.items() if how.get("restart")}
    mounted = {each.split(":")[0] for each in service.get("volumes_from") or []}
    return sorted(restarted | mounted & depends.keys())


def used(model: Model, name: str, kind: str) -> dict[str, Any]:
    """Return the networks, volumes, configs or secrets that a service uses, by name."""
    defined = model.get(kind) or {}
    given = model["services"][name].get(kind) or {}
    names = {use.get("source") if isinstance(use, dict) else use for use in given}
    return {each: defined[each] for each in sorted(filter(None, names)) if each in defined}


def _shown(path: str) -> str:
    return "." if path == "." else f"./{path}"


def _in(source: str | None, root: Path) -> str | None:
    """Return an absolute path as one of the repository's, None where it lies elsewhere."""
    if not source or not source.startswith("/") or not Path(source).is_relative_to(root):
        return None
    return str(Path(source).relative_to(root))


def _mounted(model: Model, name: str) -> Iterator[tuple[str, str | None]]:
    service = model["services"][name]
    for volume in service.get("volumes") or []:
        if volume.get("type") == "bind":
            yield "bind mount", volume.get("source")
    for kind in ("configs", "secrets"):
        for defined in used(model, name, kind).values():
            yield f"{kind[:-1]} file", (defined or {}).get("file")


def _built_from(model: Model, name: str) -> Iterator[tuple[str, str | None]]:
    """Give what a service's image is built from, also where another service builds it.

    Services may be built from each other, in circles too: each is looked at once.
    """
    services = model["services"]
    image = services[name].get("image")
    waiting = [
        other
        for other, service in services.items()
        if other == name or (image and service.get("image") == image)
    ]
    seen = set(waiting)
    while waiting:
        build = services[waiting.pop()].get("build")
        if build is None:
            continue
        yield from _of_build(model, build)
        for extra in (build.get("additional_contexts") or {}).values():
            other = _service_in(extra)
            if other in services and other not in seen:
                seen.add(other)
                waiting.append(other)


def _service_in(context: str) -> str | None:
    """Return the service whose image a context is, None where it is something else."""
    return context.removeprefix(OF_SERVICE) if context.startswith(OF_SERVICE) else None


def _of_build(model: Model, build: Model) -> Iterator[tuple[str, str | None]]:
    context = build.get("context") or ""
    yield "build context", context
    dockerfile = posixpath.normpath(posixpath.join(context, build.get("dockerfile") or ""))
    if not Path(dockerfile).is_relative_to(context):
        yield "Dockerfile", dockerfile
    for extra in (build.get("additional_contexts") or {}).values():
        if _service_in(extra) is None:
            yield "build context", extra
    for use in build.get("secrets") or []:
        yield "build secret", ((model.get("secrets") or {}).get(use["source"]) or {}).get("file")

"""What each service of a commit is made of, as digests: two of them tell what changed.

File contents are never read: git knows a digest for each file and folder of a commit.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from supervisor.commands.git import Git
from supervisor.deploy.sources import Sources

Model = Mapping[str, Any]
Fingerprint = dict[str, Any]


def fingerprint(
    model: Model, sources: Sources, root: Path, git: Git, commit: str, key: bytes
) -> Fingerprint:
    """Return the digests of a rendered model and of what its services take from the repository.

    Shape: `services` by name with `config` and, by label, the digests of `files`, `builds` and
    `env_files`; `sources` by path. Digests of values that may be secret are keyed.
    """
    labels = {name: _labels(model, name, sources, root) for name in _services(model)}
    wanted = {
        path for kinds in labels.values() for named in kinds.values() for path in named.values()
    }
    known = _digests(git, commit, root, wanted | set(sources.files))
    services = {
        name: {
            "config": _config(model, name, root, key),
            **{
                kind: {label: known[path] for label, path in named.items() if path in known}
                for kind, named in labels[name].items()
            },
        }
        for name in labels
    }
    return {
        "services": services,
        "sources": {path: known[path] for path in sources.files if path in known},
    }


def overrides(print_: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """Return a compose file that makes Compose notice what it can't see, and pins images.

    A label with the digest of a service's files is part of its configuration: when a file
    changes, Compose recreates the service, also when an earlier run was killed half-way.
    """
    services: dict[str, Any] = {}
    for name, parts in print_.get("services", {}).items():
        if parts["files"]:
            services[name] = {"labels": {"supervisor.files": _short(parts["files"])}}
    for name, image in images.items():
        services.setdefault(name, {})["image"] = image
    return {"services": services}


def _services(model: Model) -> Mapping[str, Any]:
    return model.get("services") or {}


def _labels(model: Model, name: str, sources: Sources, root: Path) -> dict[str, dict[str, str]]:
    service = _services(model)[name]
    mounts = {
        f"bind mount ./{path}": path
        for volume in service.get("volumes") or []
        if volume.get("type") == "bind" and (path := _inside(volume.get("source"), root))
    }
    for kind in ("configs", "secrets"):
        defined = model.get(kind) or {}
        for use in service.get(kind) or []:
            path = _inside((defined.get(use["source"]) or {}).get("file"), root)
            if path:
                mounts[f"{kind[:-1]} file ./{path}"] = path
    context = _inside((service.get("build") or {}).get("context"), root)
    return {
        "files": mounts,
        "builds": {f"build context ./{context}": context} if context else {},
        "env_files": {f"env file ./{path}": path for path in sources.env_files.get(name, ())},
    }


def _inside(source: str | None, root: Path) -> str | None:
    """Return an absolute path as one of the repository's, None where it lies elsewhere."""
    if not source or not source.startswith("/") or not Path(source).is_relative_to(root):
        return None
    return str(Path(source).relative_to(root))


def _digests(git: Git, commit: str, root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return git's digest of each path; for a link, of the link and of what it leads to."""
    steps = {path: _with_target(root, path) for path in paths}
    known = git.objects(commit, {step for both in steps.values() for step in both})
    found = {
        path: "+".join(known[step] for step in both if step in known)
        for path, both in steps.items()
    }
    return {path: digest for path, digest in found.items() if digest}


def _with_target(root: Path, path: str) -> list[str]:
    target = (root / path).resolve()
    if not target.is_relative_to(root.resolve()):
        return [path]
    return list(dict.fromkeys((path, str(target.relative_to(root.resolve())))))


def _config(model: Model, name: str, root: Path, key: bytes) -> str:
    """Return the keyed digest of a service and of the networks, volumes and files it uses."""
    service = _services(model)[name]
    used = {kind: model.get(kind) for kind in ("networks", "volumes", "configs", "secrets")}
    parts = {
        kind: {each: value for each, value in (defined or {}).items() if _uses(service, kind, each)}
        for kind, defined in used.items()
    }
    text = json.dumps([service, parts], sort_keys=True).replace(str(root), "<checkout>")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _uses(service: Model, kind: str, name: str) -> bool:
    uses = service.get(kind) or {}
    return any(use == name or (isinstance(use, dict) and use.get("source") == name) for use in uses)


def _short(parts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

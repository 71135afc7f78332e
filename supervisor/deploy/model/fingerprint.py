"""What each service of a commit is made of, as digests: two of them tell what changed.

Contents are not read: git knows a digest for each file and folder of a commit.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.commands.git.mirror import Git
from supervisor.commands.paths import resolved
from supervisor.deploy.model.dotenv import Dotenv
from supervisor.deploy.model.ingredients import ingredients, needs, used
from supervisor.deploy.model.sources import Sources

Model = Mapping[str, Any]
Fingerprint = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """What a model was rendered from; `key` keeps digests of secret values from being guessed."""

    git: Git
    commit: str
    root: Path
    variables: Mapping[str, str] = field(repr=False)
    key: bytes = field(repr=False)

    def digest(self, text: str) -> str:
        """Return the keyed digest of what may hold a secret."""
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


def fingerprint(model: Model, sources: Sources, origin: Origin) -> Fingerprint:
    """Return the digests of a rendered model and of what its services take from the repository.

    Shape: `services` by name with `config`, the services that it `needs` and, by label, the digests
    of `files`, `builds` and `env_files`; `sources` by path; all `env_files` by label; `variables`.
    """
    services = model.get("services") or {}
    paths = {name: ingredients(model, name, sources, origin.root) for name in services}
    wanted = {
        path for kinds in paths.values() for named in kinds.values() for path in named.values()
    }
    env_files = {
        label: path for named in sources.env_files.values() for label, path in named.items()
    }
    known = _digests(origin, wanted | set(sources.files) | set(env_files.values()))

    def digests(named: Mapping[str, str]) -> dict[str, str]:
        return {label: known[path] for label, path in named.items() if path in known}

    dotenv = Dotenv(origin.root, sources.dotenv)
    prints = {
        name: {
            "config": _config(model, name, origin),
            "needs": needs(services[name]),
            "files": digests(paths[name]["files"]) | _values(model, name, dotenv, origin),
            "builds": digests(paths[name]["builds"]),
            "env_files": digests(paths[name]["env_files"]),
        }
        for name in services
    }
    return {
        "services": prints,
        "sources": digests({path: path for path in sources.files}),
        "env_files": digests(env_files),
        "variables": origin.digest(json.dumps(dict(origin.variables), sort_keys=True)),
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


def _digests(origin: Origin, paths: Iterable[str]) -> dict[str, str]:
    """Return git's digest of each path; for a link, of the link and of what it leads to."""
    steps = {path: _with_target(origin.root, path) for path in paths}
    known = origin.git.objects(origin.commit, {step for both in steps.values() for step in both})
    found = {
        path: "+".join(known[step] for step in both if step in known)
        for path, both in steps.items()
    }
    return {path: digest for path, digest in found.items() if digest}


def _with_target(root: Path, path: str) -> list[str]:
    target = resolved(root / path, path)
    if not target.is_relative_to(root.resolve()):
        return [path]
    return list(dict.fromkeys((path, str(target.relative_to(root.resolve())))))


def _config(model: Model, name: str, origin: Origin) -> str:
    """Return the digest of a service and of the networks, volumes and files it uses."""
    service = model["services"][name]
    parts = {
        kind: used(model, name, kind) for kind in ("networks", "volumes", "configs", "secrets")
    }
    text = json.dumps([service, parts], sort_keys=True, ensure_ascii=False)
    here = json.dumps(str(origin.root), ensure_ascii=False)[1:-1]
    return origin.digest(text.replace(here, "<checkout>"))


def _values(model: Model, name: str, dotenv: Dotenv, origin: Origin) -> dict[str, str]:
    """Return digests of the configs and secrets that are variables: the model has only names."""
    return {
        f"{kind[:-1]} {each} (variable {variable})": origin.digest(
            origin.variables.get(variable) or dotenv.lines_of(variable)
        )
        for kind in ("configs", "secrets")
        for each, defined in used(model, name, kind).items()
        if (variable := (defined or {}).get("environment"))
    }


def _short(parts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

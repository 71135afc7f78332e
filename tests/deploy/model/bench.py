"""A repository whose commits are told apart by their fingerprints."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supervisor.commands.git.mirror import Git
from supervisor.commands.git.remote import Remote
from supervisor.commands.process.shell import Shell
from supervisor.deploy.model.changes import Changes, compare
from supervisor.deploy.model.fingerprint import Origin, fingerprint
from supervisor.deploy.model.sources import find_sources
from tests.support.repository import Repository

Services = dict[str, Any]


@dataclass
class Bench:
    """A repository, and fingerprints of its commits."""

    repository: Repository
    folder: Path
    compose_files: tuple[str, ...] = ("compose.yml",)
    variables: Mapping[str, str] = field(default_factory=dict)
    tops: Mapping[str, Any] = field(default_factory=dict)

    def take(self, services: Services, tree: str = "aside") -> dict[str, Any]:
        """Check the newest commit out; return the fingerprint of services that are rendered.

        In the services, `ROOT` stands for the place where the commit is checked out.
        """
        git = Git(Shell(), self.folder / "mirror.git")
        git.create()
        remote = Remote(self.repository.url)
        commit = git.fetch(remote, "refs/heads/main", "refs/supervisor/x/target", 30)
        root = self.folder / tree
        git.checkout(commit, root, root.with_name(f"{tree}.index"), 30)
        here = json.dumps(str(root))[1:-1]
        model = json.loads(json.dumps({"services": services, **self.tops}).replace("ROOT", here))
        sources = find_sources(root, self.compose_files)
        return fingerprint(model, sources, Origin(git, commit, root, self.variables, b"key"))

    def changes(self, services: Services, files: Mapping[str, str], **commit: Any) -> Changes:
        """Return what a further commit changes for the same services."""
        before = self.take(services)
        self.repository.commit(files, **commit)
        return compare(before, self.take(services))


def bind(*paths: str) -> Services:
    """Return a service that mounts paths of the repository."""
    return {"volumes": [{"type": "bind", "source": f"ROOT/{path}"} for path in paths]}

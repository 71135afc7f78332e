"""Whether a stack runs Supervisor itself, and what such a stack must not do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.commands.docker.own_container import Mount, OwnContainer
from supervisor.deploy.state import AppliedState
from supervisor.errors import DeployRefused

LABEL = "supervisor.self"
NOT_TO_ITSELF = {
    "stop": "would stop Supervisor itself, and nobody could start it again from here",
    "pause": "would pause Supervisor itself, and nobody could unpause it from here",
    "delete": "would remove Supervisor itself: start it outside of this stack first",
}


@dataclass(frozen=True)
class Itself:
    """Supervisor's own container, and the mount that holds its storage."""

    container: OwnContainer
    storage: Mount | None

    def is_in(self, project: str) -> bool:
        """Tell whether the own container is one of the project's."""
        return bool(self.container.project) and self.container.project == project

    def service_in(self, project: str, model: Mapping[str, Any]) -> str | None:
        """Return which service of a rendered model Supervisor would be from then on, if any.

        It has the label, and the same storage. Raise DeployRefused where Supervisor runs in this
        project already and would be gone, or would start with nothing.
        """
        services = model.get("services") or {}
        marked = [name for name, service in services.items() if _is_marked(service)]
        same = [name for name in marked if self._has_storage(services[name], model)]
        if not self.is_in(project):
            # With another storage it is another Supervisor, and a service like any.
            marked = same
        elif len(marked) != 1:
            raise DeployRefused(
                f"This stack runs Supervisor itself: one service has to have the label {LABEL}:"
                f' "true", and {len(marked)} have it'
            )
        elif not same:
            raise DeployRefused(
                f"{marked[0]} would be Supervisor without its stacks: it has to mount"
                f" {self.storage_name} where its storage is, and not read-only"
            )
        if len(marked) > 1:
            raise DeployRefused(f"{' and '.join(marked)} cannot both be Supervisor itself")
        self._check_others({name: services[name] for name in services.keys() - marked}, model)
        return marked[0] if marked else None

    def check_kept(self, state: AppliedState) -> None:
        """Raise DeployRefused where Supervisor would be gone with this state of its project."""
        if self.container.service not in state.fingerprint.get("services", {}):
            raise DeployRefused(
                f"{state.commit[:12]} has no service {self.container.service}, which is Supervisor"
                " itself"
            )

    def mounts_of(self, service: str | None) -> set[tuple[str, str]]:
        """Return the key and the path by which Supervisor's own service has its storage."""
        if service is None or self.storage is None:
            return set()
        return {(f"services.{service}.volumes", str(self.storage.source))}

    @property
    def storage_name(self) -> str:
        """Return what a compose file calls the own storage."""
        if self.storage is None:
            return "Supervisor's storage"
        return (
            f"the volume {self.storage.volume}" if self.storage.volume else str(self.storage.source)
        )

    def _check_others(self, services: Mapping[str, Any], model: Mapping[str, Any]) -> None:
        """Refuse the volume of the own storage elsewhere; folders are looked at with all others."""
        for name, service in services.items():
            volumes = [v for v in service.get("volumes") or [] if v.get("type") == "volume"]
            if any(self._is_storage(volume, model) for volume in volumes):
                raise DeployRefused(
                    f"services.{name}.volumes reaches into Supervisor's own storage, which only"
                    f' a service with the label {LABEL}: "true" may have'
                )

    def _has_storage(self, service: Mapping[str, Any], model: Mapping[str, Any]) -> bool:
        return any(
            self._is_storage(volume, model)
            for volume in service.get("volumes") or []
            if not volume.get("read_only")
        )

    def _is_storage(self, volume: Mapping[str, Any], model: Mapping[str, Any]) -> bool:
        if self.storage is None:
            return False
        source = volume.get("source") or ""
        if volume.get("type") == "bind":
            return Path(source) == self.storage.source
        named = (model.get("volumes") or {}).get(source) or {}
        return bool(self.storage.volume) and named.get("name") == self.storage.volume


def _is_marked(service: Mapping[str, Any]) -> bool:
    return str((service.get("labels") or {}).get(LABEL, "")).lower() == "true"

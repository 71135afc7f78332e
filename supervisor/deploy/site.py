"""Where a run works: a stack's places in storage, and what the engine sees of them."""

from dataclasses import dataclass, replace

from supervisor.deploy.host_storage import HostStorage
from supervisor.deploy.itself import Itself
from supervisor.deploy.workspace import Workspace
from supervisor.errors import HostPathUnknown


@dataclass(frozen=True)
class Site:
    """What a run and a plan have to know of this machine, alike."""

    place: Workspace
    unseen: str = ""
    """Why the engine can't see the checkout, where it can't: nothing of it can be mounted then."""
    itself: Itself | None = None
    """Supervisor's own container, where it is in one."""

    def is_own(self, project: str) -> bool:
        """Tell whether Supervisor itself runs in a project."""
        return self.itself is not None and self.itself.is_in(project)


def find_site(place: Workspace, host_storage: HostStorage) -> Site:
    """Return the site of a stack: its places below the path that the engine sees.

    Raise EngineUnreachable and its like where that has to be asked for, and nobody answers.
    """
    itself = itself_of(place, host_storage)
    try:
        return Site(replace(place, storage=host_storage.path()), itself=itself)
    except HostPathUnknown as error:
        return Site(place, unseen=str(error), itself=itself)


def itself_of(place: Workspace, host_storage: HostStorage) -> Itself | None:
    """Return Supervisor's own container and the mount of its storage, None outside of any."""
    own = host_storage.own()
    return Itself(own, own.mount_of(place.storage)) if own else None

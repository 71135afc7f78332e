"""Which services a deploy touches, and the reason for each: a comparison of two fingerprints."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Parts = Mapping[str, Any]


@dataclass(frozen=True)
class Changes:
    """What a deploy would do to the services of a project."""

    created: dict[str, str]
    recreated: dict[str, str]
    removed: list[str]
    unchanged: list[str]

    @property
    def reasons(self) -> dict[str, str]:
        """Return every touched service with the reason."""
        gone = dict.fromkeys(self.removed, "no longer in the compose file")
        return {**self.created, **self.recreated, **gone}


def compare(
    old: Parts | None, new: Parts, same_image: Mapping[str, bool] = MappingProxyType({})
) -> Changes:
    """Compare what runs with what is to run; without the former everything is new.

    `same_image` says of services whether their image is the one that they run with.
    """
    before = (old or {}).get("services", {})
    after = new["services"]
    recreated = {
        name: ", ".join(reasons)
        for name in after.keys() & before.keys()
        if (reasons := list(_reasons(name, old or {}, new, same_image.get(name))))
    }
    _take_along(recreated, {name: after[name]["needs"] for name in after.keys() & before.keys()})
    return Changes(
        created=dict.fromkeys(sorted(after.keys() - before.keys()), "new service"),
        recreated=dict(sorted(recreated.items())),
        removed=sorted(before.keys() - after.keys()),
        unchanged=sorted((after.keys() & before.keys()) - recreated.keys()),
    )


def _take_along(recreated: dict[str, str], needs: Mapping[str, Sequence[str]]) -> None:
    """Add the services that can't keep their container, or its state, when another's is new."""
    needing: dict[str, list[str]] = defaultdict(list)
    for name in sorted(needs):
        for needed in needs[name]:
            needing[needed].append(name)
    waiting = deque(sorted(recreated))
    while waiting:
        needed = waiting.popleft()
        for name in needing[needed]:
            if name not in recreated:
                recreated[name] = f"needs {needed}, which is recreated"
                waiting.append(name)


def _reasons(name: str, old: Parts, new: Parts, same_image: bool | None) -> Iterator[str]:
    before, after = old["services"][name], new["services"][name]
    reconfigured = before["config"] != after["config"]
    if reconfigured:
        yield _why_rendered(before, after, old, new)
    for label in _different(before["files"], after["files"]):
        yield f"{label} changed"
    rebuilt = [] if same_image else _different(before["builds"], after["builds"])
    for label in rebuilt:
        yield f"{label} changed"
    if same_image is False and not rebuilt and not reconfigured:
        yield "its image is another one now"


def _why_rendered(before: Parts, after: Parts, old: Parts, new: Parts) -> str:
    env_files = _different(before["env_files"], after["env_files"])
    if not env_files and (sources := _different(old["sources"], new["sources"])):
        return f"configuration changed ({', '.join(sources)})"
    # A service that it extends may read one.
    env_files = env_files or _different(old.get("env_files", {}), new["env_files"])
    if env_files:
        return ", ".join(f"{label} changed" for label in env_files)
    return (
        "variables changed" if old.get("variables") != new["variables"] else "configuration changed"
    )


def _different(before: Parts, after: Parts) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))

"""Which services a deploy touches, and the reason for each: a comparison of two fingerprints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


def compare(old: Parts | None, new: Parts) -> Changes:
    """Compare what runs with what is to run; without the former everything is new."""
    before = (old or {}).get("services", {})
    after = new["services"]
    recreated = {
        name: ", ".join(reasons)
        for name in after.keys() & before.keys()
        if (reasons := list(_reasons(name, old or {}, new)))
    }
    return Changes(
        created=dict.fromkeys(sorted(after.keys() - before.keys()), "new service"),
        recreated=dict(sorted(recreated.items())),
        removed=sorted(before.keys() - after.keys()),
        unchanged=sorted((after.keys() & before.keys()) - recreated.keys()),
    )


def _reasons(name: str, old: Parts, new: Parts) -> Iterator[str]:
    before, after = old["services"][name], new["services"][name]
    if before["config"] != after["config"]:
        yield _why_rendered(before, after, old, new)
    for kind in ("files", "builds"):
        for label in sorted(before[kind].keys() | after[kind].keys()):
            if before[kind].get(label) != after[kind].get(label):
                yield f"{label} changed"


def _why_rendered(before: Parts, after: Parts, old: Parts, new: Parts) -> str:
    env_files = _different(before["env_files"], after["env_files"])
    if env_files:
        return ", ".join(f"{label} changed" for label in env_files)
    sources = _different(old["sources"], new["sources"])
    if sources:
        return f"configuration changed ({', '.join(sources)})"
    return "variables changed"


def _different(before: Parts, after: Parts) -> list[str]:
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))

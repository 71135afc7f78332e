"""What differs on the engine from what was last applied."""

from collections.abc import Mapping, Sequence

from supervisor.commands.docker.containers import Container


def find_drift(
    states: Mapping[str, Sequence[str]],
    hashes: Mapping[str, str],
    containers: Sequence[Container],
) -> dict[str, str]:
    """Compare what was good with what is there; return what differs by service."""
    drift = {}
    for service, expected in states.items():
        present = [c for c in containers if c.service == service and c.status != "removing"]
        difference = _difference(expected, hashes.get(service, ""), present)
        if difference:
            drift[service] = difference
    return drift


def _difference(expected: Sequence[str], config: str, present: Sequence[Container]) -> str:
    if len(present) < len(expected):
        return "container is missing" if not present else "a container is missing"
    if any(container.config_hash != config for container in present):
        return "was changed from outside"
    running = sum(container.status in ("running", "restarting") for container in present)
    if running < sum(status == "running" for status in expected):
        stopped = next(c for c in present if c.status not in ("running", "restarting"))
        return f"is {stopped.status} (exit code {stopped.exit_code})"
    return ""

"""What a killed service left running."""

from supervisor.commands.process.processes import end_all, marked


def end_strays(marker_prefix: str, grace_seconds: float) -> int:
    """End every process that an earlier life of this service started; return how many."""
    strays = marked(marker_prefix)
    end_all(strays, grace_seconds)
    return len(strays)

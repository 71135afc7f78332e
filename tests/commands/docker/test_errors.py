"""What Docker and Compose say becomes a word of ours."""

import pytest

from supervisor.commands.docker.errors import explain
from supervisor.errors import CommandFailed, NetworksExhausted


@pytest.mark.parametrize(
    "said",
    [
        "could not find an available, non-overlapping IPv4 address pool among the defaults to"
        " assign to the network",
        "all predefined address pools have been fully subnetted",
    ],
)
def test_an_engine_without_addresses_is_called_so(said: str) -> None:
    error = CommandFailed("docker compose up", 1, f"Error response from daemon: {said}")
    assert isinstance(explain(error), NetworksExhausted)

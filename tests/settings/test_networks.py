"""Which networks are trusted, and which texts are addresses."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import ConfigInvalid
from supervisor.network.addresses import parse
from supervisor.settings.config import Config
from supervisor.settings.networks import PRIVATE_NETWORKS, is_among

PROXIES = PRIVATE_NETWORKS


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    is_among(PROXIES, parse(text))


# The settings


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "proxy", "10.0.0.0/8,", "*"])
def test_networks_that_are_none_are_refused_at_the_start(tmp_path: Path, text: str) -> None:
    given = {"SUPERVISOR_STORAGE": str(tmp_path), "SUPERVISOR_TRUSTED_PROXIES": text}
    with pytest.raises(ConfigInvalid, match="SUPERVISOR_TRUSTED_PROXIES must be none, or networks"):
        Config.from_environment(given)


def test_the_default_networks_are_loopback_and_private_ranges() -> None:
    for network in PROXIES:
        assert network.is_private or network.is_loopback

"""Addresses that mean the same repository are one, others are others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.commands.git.address import repository_key

# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.org/ada/shop.git",
        "https://git.example.org/ada/shop",
        "https://git.example.org/ada/shop/",
        "https://git.example.org/ada/shop.git/",
        "http://git.example.org/ada/shop",
        "https://GIT.Example.ORG/ada/shop.git",
        "https://git.example.org:8443/ada/shop.git",
        "https://ada@git.example.org/ada/shop.git",
        "https://ada:token@git.example.org/ada/shop.git",
        "ssh://git@git.example.org/ada/shop.git",
        "ssh://git@git.example.org:7999/ada/shop.git",
        "git@git.example.org:ada/shop.git",
        "git.example.org:ada/shop",
        "git://git.example.org//ada/shop.git",
    ],
)
def test_an_address_is_the_same_however_it_is_written(address: str) -> None:
    assert repository_key(address) == "git.example.org/ada/shop"


def test_other_addresses_are_others() -> None:
    others = [
        "https://git.example.org/ada/shop2.git",
        "https://git.example.org/bob/shop.git",
        "https://example.org/ada/shop.git",
        "https://git.example.org/ada/Shop.git",
        "https://git.example.org/x/ada/shop.git",
        "file:///ada/shop.git",
        "https://[broken/ada/shop",
        "",
    ]
    assert len({repository_key(address) for address in others}) == len(others)


@given(st.text(max_size=60))
def test_any_text_is_some_address(text: str) -> None:
    assert repository_key(text) == repository_key(text)

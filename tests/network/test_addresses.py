"""One address is one, however it is written."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.commands.git.address import check
from supervisor.network.addresses import client_name, meanings, parse, parse_host

METADATA = ip_address("169.254.169.254")
FORMS = (
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.169.254..",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "2852039166.",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0xa9.254.0251.0xfe.",
    "0251.0376.0251.0376",
    "025177524776",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "::169.254.169.254",
    "::a9fe:a9fe",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:2:3:4:a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:ffa9:fe:a9fe::",
    "64:ff9b:1:ffff:a9:fea9:fe00:0",
    "2002:a9fe:a9fe::",
    "2002:a9fe:a9fe:1::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:5ef5:79fb:0:0:5601:5601",
    "2001:db8::5efe:169.254.169.254",
    "2001:db8::200:5efe:a9fe:a9fe",
)
OTHERS = ("169.254.169.254.example.org", "git.example.org", "1.2.3.4.5", "fe80.example.org", "")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_address_is_seen(form: str) -> None:
    address = parse_host(form)
    assert address
    assert METADATA in set(meanings(address))


@pytest.mark.parametrize("form", [*FORMS, "fe80::1", "FE80::1"])
@pytest.mark.parametrize("url", ["http://{}/x.git", "ssh://git@{}:22/x.git", "https://{}:443/x"])
def test_no_form_of_a_link_local_address_is_taken(form: str, url: str) -> None:
    host = f"[{form}]" if ":" in form else form
    with pytest.raises(ValueError, match="must not be a link-local address"):
        check(url.format(host))


@pytest.mark.parametrize(
    "host",
    ["git.example.org", "git.example.org.", "10.1.2.3", "127.0.0.1", "192.0.2.7.", "[2001:db8::7]"],
)
def test_other_hosts_are_taken(host: str) -> None:
    check(f"https://{host}/ada/shop.git")


@pytest.mark.parametrize("host", OTHERS)
def test_a_name_is_no_address(host: str) -> None:
    assert parse_host(host) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    for address in (parse(text), parse_host(text)):
        assert address is None or address in set(meanings(address))
    assert client_name(text) == client_name(text)


@given(st.ip_addresses())
def test_an_address_means_itself(address: object) -> None:
    read = parse_host(str(address))
    assert read
    assert read in set(meanings(read))


def test_what_is_trusted_is_the_address_itself() -> None:
    """A tunnel's address that holds 10.0.0.1 is somebody's on the internet."""
    assert parse("2002:a00:1::1") == ip_address("2002:a00:1::1")
    assert parse("::ffff:10.0.0.1") == ip_address("10.0.0.1")


def test_a_client_of_version_6_is_its_network() -> None:
    assert client_name("2001:db8:0:1::7") == client_name("[2001:db8:0:1:ffff::]:80")
    assert client_name("2001:db8:0:1::7") != client_name("2001:db8:0:2::7")
    assert client_name("::ffff:192.0.2.1") == client_name("192.0.2.1") == "192.0.2.1"
    assert client_name("") == ""

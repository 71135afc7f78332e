"""Internet addresses, and the networks that they lie in."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]

# Loopback and private ranges: a proxy on this machine, in a container, or in the same network.
PRIVATE = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
NO_NETWORK = "none"

WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


def parse_networks(text: str) -> Networks:
    """Return the networks that a list names, a single address being one too; raise ValueError."""
    if text == NO_NETWORK:
        return ()
    return tuple(ip_network(word.strip()) for word in text.split(","))


PRIVATE_NETWORKS = parse_networks(PRIVATE)


def parse_address(text: str) -> Address | None:
    """Return the address in a text that may have a port too, None where there is none."""
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both versions shows every IPv4 peer like this.
    return getattr(address, "ipv4_mapped", None) or address


def is_among(networks: Iterable[IPv4Network | IPv6Network], address: Address | None) -> bool:
    """Tell whether an address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)

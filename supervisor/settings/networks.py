"""The networks that a setting names, and whether an address lies in one of them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from supervisor.network.addresses import Address

Networks = tuple[IPv4Network | IPv6Network, ...]

# Loopback and private ranges: a proxy on this machine, in a container, or in the same network.
PRIVATE = "127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7"
NO_NETWORK = "none"


def parse_networks(text: str) -> Networks:
    """Return the networks that a list names, a single address being one too; raise ValueError."""
    if text == NO_NETWORK:
        return ()
    return tuple(ip_network(word.strip()) for word in text.split(","))


PRIVATE_NETWORKS = parse_networks(PRIVATE)


def is_among(networks: Iterable[IPv4Network | IPv6Network], address: Address | None) -> bool:
    """Tell whether an address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)

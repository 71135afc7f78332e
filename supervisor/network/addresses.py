"""Internet addresses: one parser for all the forms in which one is written."""

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
# Where an address of version 6 holds one of version 4, as bits from the right.
# https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5 (compatible)
# https://www.rfc-editor.org/rfc/rfc2765#section-2.1 (translated)
# https://www.rfc-editor.org/rfc/rfc6052#section-2.2 and rfc8215 (NAT64)
# https://www.rfc-editor.org/rfc/rfc3056#section-2 (6to4)
HOLDING = (
    (IPv6Network("::/96"), 0),
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2002::/16"), 80),
)
# A local prefix of NAT64 may be of these lengths too; bits 64 to 71 are left out of what it holds.
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
LOCAL_LENGTHS = (48, 56, 64)
# https://www.rfc-editor.org/rfc/rfc4380#section-4: the server, and the client with its bits turned
TEREDO = IPv6Network("2001::/32")
# https://www.rfc-editor.org/rfc/rfc5214#section-6.1
ISATAP = (0x00005EFE, 0x02005EFE)
LOW = 0xFFFFFFFF
HOME_BITS = 64


def parse(text: str) -> Address | None:
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


def parse_host(host: str) -> Address | None:
    """Return the address that a URL's host is, None for a name.

    Programs take short, octal, hexadecimal and decimal forms too, and a dot at the end.
    https://pubs.opengroup.org/onlinepubs/9799919799/functions/inet_addr.html
    """
    host = host.rstrip(".")
    try:
        return parse(host) or IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):  # a text with a NUL, or what is no ASCII
        return None


def meanings(address: Address) -> Iterator[Address]:
    """Yield an address, and those that a translator or a tunnel may make of it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    for network, place in HOLDING:
        if address in network:
            yield IPv4Address(bits >> place & LOW)
    if address in LOCAL_NAT64:
        yield from (_after_prefix(bits, length) for length in LOCAL_LENGTHS)
    if address in TEREDO:
        yield IPv4Address(bits >> 64 & LOW)
        yield IPv4Address(~bits & LOW)
    if bits >> 32 & LOW in ISATAP:
        yield IPv4Address(bits & LOW)


def _after_prefix(bits: int, length: int) -> IPv4Address:
    octets = bits.to_bytes(16)
    without = octets[:8] + octets[9:]
    return IPv4Address(without[length // 8 : length // 8 + 4])


def client_name(text: str) -> str:
    """Return what stands for a client in counts: of version 6 the network that one customer has.

    Who has one address of such a network has all 2^64 of them.
    https://www.rfc-editor.org/rfc/rfc6177
    """
    address = parse(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> HOME_BITS << HOME_BITS, HOME_BITS)))
    return str(address) if address else text

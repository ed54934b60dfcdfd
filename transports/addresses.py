"""Network addresses as text."""

import ipaddress
from collections.abc import Collection
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = "::ffff:"  # prefix of an IPv4 address on a dual-stack socket (RFC 4291, section 2.5.5.2)


def plain(address: str) -> str:
    """Strip the IPv4-mapped prefix from a socket's address. Cheap, for every request."""
    return address.removeprefix(_MAPPED)


def host_and_port(host: str, port: int | str) -> str:
    """Join host and port; an IPv6 address gets the brackets that URLs demand (RFC 3986, section 3.2.2)."""
    bare = host.removeprefix("[").removesuffix("]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def is_in(address: str | None, networks: Collection[Network]) -> bool:
    """Whether it is an address in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:  # a Unix socket has no address
        return False
    return any(parsed in network for network in networks)

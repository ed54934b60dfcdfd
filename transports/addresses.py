"""Addresses of the network as text, as people and URLs write them."""

import ipaddress
from collections.abc import Collection
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = "::ffff:"  # how a socket for both families names who came over IPv4 (RFC 4291, section 2.5.5.2)


def plain(address: str) -> str:
    """An address as a socket names it, that of IPv4 in its own form. Cheap, for every request."""
    return address.removeprefix(_MAPPED)


def host_and_port(host: str, port: int | str) -> str:
    """Both in one text; an IPv6 address gets the brackets that URLs demand (RFC 3986, section 3.2.2)."""
    bare = host.removeprefix("[").removesuffix("]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def is_in(address: str | None, networks: Collection[Network]) -> bool:
    """Whether it is an address in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:  # a Unix socket has no address
        return False
    return any(parsed in network for network in networks)

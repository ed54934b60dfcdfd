"""Addresses of the network as text."""

_MAPPED = "::ffff:"  # how a socket for both families names who came over IPv4 (RFC 4291, section 2.5.5.2)


def plain(address: str) -> str:
    """An address as a socket names it, that of IPv4 in its own form. Cheap, for every request."""
    return address.removeprefix(_MAPPED)


def with_port(address: str, port: int) -> str:
    """Both, that of IPv6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

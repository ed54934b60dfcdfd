"""Addresses of webhooks: what may be called, and what others may see of it."""

import ipaddress
import re
from urllib.parse import urlsplit

from actors.errors import InvalidRequest, Problem

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# Nothing in it can be read in two ways: no user, no backslash, no blank, no byte beyond ASCII.
_URL = re.compile(
    rf"https?://(?P<host>{_NAME}(?:\.{_NAME})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?(?:[/?][!-~]*)?"
)
_MOST, _LAST_PORT = 2048, 65_535
# The only part of IPv6 that is routed to the world; NAT64, mapped, compatible, local and multicast are outside.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Tunnels, which wrap an IPv4 address, and what is for documents.
_WITHIN = tuple(ipaddress.IPv6Network(network) for network in ("2001::/23", "2002::/16", "3fff::/20"))
_RESERVED = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: _Address) -> bool:
    """Whether an address is one of the public internet, and of one machine."""
    if address.is_multicast or address.is_reserved or address.is_private or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _UNICAST and not any(address in network for network in _WITHIN)
    return not any(address in network for network in _RESERVED)


def demand_callable(url: str, *, allow_private: bool) -> None:
    """Raise ``InvalidRequest`` for what is no URL of the web, has a user in it, or names a private address outright.

    A name may still lead to one: see ``GuardedConnections``.
    """
    form = _URL.fullmatch(url) if len(url) <= _MOST else None
    if form is None or not _has_port(url):
        raise _refusal("Input should be a URL that starts with http:// or https://, without a user and in ASCII")
    if not allow_private and _is_private(form["host"]):
        raise _refusal("This address is not of the public internet")


def masked(url: str) -> str:
    """What others may see: whoever knows the path of a webhook can often send to it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


def _has_port(url: str) -> bool:
    try:
        return (urlsplit(url).port or 1) <= _LAST_PORT
    except ValueError:  # of an address in brackets, too
        return False


def _is_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


def _refusal(message: str) -> InvalidRequest:
    problem = Problem(type="webhook_url", location=("body", "webhook"), message=message)
    return InvalidRequest("The request is not valid", (problem,))

"""Addresses of the studio for programs on this machine."""

import ipaddress
from urllib.parse import urlsplit

from transports.addresses import host_and_port

# All become one name, that of README and banner: browsers and curl send a cookie only to the host that set it.
_OF_LOCALHOST = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class PortInUse(Exception):
    """A port is not available. ``variable`` is the setting that changes it."""

    def __init__(self, variable: str, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host} is in use or not allowed: set {variable} to another port")
        self.variable = variable


def local_name(host: str) -> str:
    """The host name under which programs on this machine reach a studio that listens on this host."""
    return "localhost" if host in _OF_LOCALHOST else host


def local_address(host: str, port: int | str) -> str:
    """Name and port as one text, for a client on this machine."""
    return host_and_port(local_name(host), port)


def is_this_machine(url: str) -> bool:
    """Whether a URL leads to loopback. No proxy can reach that, whatever proxies the environment names."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

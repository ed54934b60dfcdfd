"""The socket that a server listens on, where the event loop's own would not do."""

import ipaddress
import socket


def socket_for(host: str, port: int) -> socket.socket | None:
    """For all addresses of IPv6 a socket that takes IPv4 too; ``None`` where the loop may open its own. ``OSError``.

    The loop makes each socket for one family, so that ``::`` would leave out whoever comes over IPv4. With one socket
    both families have the same port, also when it is any free one.
    """
    if not _is_all_of_ipv6(host) or not socket.has_dualstack_ipv6():
        return None
    return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)


def _is_all_of_ipv6(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return isinstance(address, ipaddress.IPv6Address) and address.is_unspecified

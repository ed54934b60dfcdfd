"""Client address, scheme and host of a request. Throttle, redirects and logs all ask here.

A proxy's headers count as far as the operator trusts it (``JUNJO_TRUSTED_PROXIES``): the client is the last hop, seen
from here, that is no trusted proxy. Without trusted proxies it is the peer of the connection.
"""

from collections.abc import Sequence

import attrs
from aiohttp import web

from transports.addresses import Network, is_in, plain
from transports.http.framework.forwarded import Hop, hops


def address_of(request: web.Request, trusted: Sequence[Network]) -> str | None:
    """The client's IP address; ``None`` when the connection is gone."""
    remote = request.remote
    if remote is None or not trusted:
        return remote and plain(remote)
    return _client(request, trusted).address


def scheme_and_host(request: web.Request, trusted: Sequence[Network]) -> tuple[str, str]:
    """Scheme and host that the client used, as far as they are known.

    The host may have a port, and is unchecked, as a Host header is.
    """
    if not trusted:
        return request.scheme, request.host
    client = _client(request, trusted)
    return client.scheme or request.scheme, client.host or request.host


def _client(request: web.Request, trusted: Sequence[Network]) -> Hop:
    """The last hop that is not trusted; the farthest named one when all are trusted."""
    remote = request.remote
    client = Hop(None if remote is None else plain(remote), None, None)
    for hop in hops(request.headers):
        if not is_in(client.address, trusted):
            break
        if hop.address is None:  # the client hides behind this proxy
            return attrs.evolve(hop, address=client.address)
        client = hop
    return client

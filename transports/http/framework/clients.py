"""Who the client is, and which scheme and host it used: the one place that is asked, by throttle, redirects and logs.

A proxy's word counts as far as the operator trusts it (``JUNJO_TRUSTED_PROXIES``): the client is the last hop, seen
from here, that is no trusted proxy. Without trusted proxies it is whoever has opened the connection.
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
    """What the client used, as far as that is known. The host may have a port, and is as free as a Host header is."""
    if not trusted:
        return request.scheme, request.host
    client = _client(request, trusted)
    return client.scheme or request.scheme, client.host or request.host


def _client(request: web.Request, trusted: Sequence[Network]) -> Hop:
    """The last hop that is not trusted; the last one that is named when all are."""
    remote = request.remote
    client = Hop(None if remote is None else plain(remote), None, None)
    for hop in hops(request.headers):
        if not is_in(client.address, trusted):
            break
        if hop.address is None:  # so whoever that was hides behind the proxy
            return attrs.evolve(hop, address=client.address)
        client = hop
    return client

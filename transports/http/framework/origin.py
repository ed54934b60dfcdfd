"""Check of the ``Origin`` header, for WebSockets and forms: browsers apply CORS to neither."""

from urllib.parse import urlsplit

from aiohttp import web

from actors.errors import Forbidden
from transports.http.framework.app_keys import CONFIG
from transports.http.framework.clients import scheme_and_host

_DEFAULT_PORTS = {"http": 80, "https": 443}


def require_origin(request: web.Request, *, with_key: bool) -> None:
    """Raise ``Forbidden`` unless the page is of this host or an allowed origin (contract, table "Ours").

    It is asked for WebSockets. Programs with an API key send no origin.
    """
    origin = request.headers.get("Origin")
    if origin is None and with_key:
        return
    if origin is None or not is_allowed_origin(request, origin):
        raise Forbidden("This origin may not open a WebSocket")


def is_allowed_origin(request: web.Request, origin: str) -> bool:
    """Whether an ``Origin`` is that of the host that was called, or one of JUNJO_ALLOW_ORIGINS."""
    config = request.app[CONFIG]
    _, host = scheme_and_host(request, config.trusted_proxies)
    return origin in config.allow_origins or _is_own(origin, host)


def _is_own(origin: str, host: str) -> bool:
    """Whether host and port are the same. The scheme may differ, because a proxy in front may terminate TLS."""
    scheme = origin.partition(":")[0]
    try:
        return scheme in _DEFAULT_PORTS and _address(origin, scheme) == _address(f"//{host}", scheme)
    except ValueError:
        return False


def _address(url: str, scheme: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or _DEFAULT_PORTS[scheme]

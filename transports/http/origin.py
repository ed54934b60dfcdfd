"""Which pages may open a WebSocket (contract, table "Ours"). Browsers do not apply CORS to them."""

from urllib.parse import urlsplit

from aiohttp import web

from actors.errors import Forbidden
from transports.http.clients import scheme_and_host
from transports.http.keys import CONFIG

_DEFAULT_PORTS = {"http": 80, "https": 443}


def require_origin(request: web.Request, *, with_key: bool) -> None:
    """``Forbidden`` unless the page is of this host or an allowed one. Programs with an API key send no origin."""
    origin = request.headers.get("Origin")
    if origin is None and with_key:
        return
    config = request.app[CONFIG]
    _, host = scheme_and_host(request, config.trusted_proxies)
    if origin is None or not (origin in config.allow_origins or _is_own(origin, host)):
        raise Forbidden("This origin may not open a WebSocket")


def _is_own(origin: str, host: str) -> bool:
    """Host and port are the same. The scheme may differ, because a proxy in front may speak TLS for us."""
    scheme = origin.partition(":")[0]
    try:
        return scheme in _DEFAULT_PORTS and _address(origin, scheme) == _address(f"//{host}", scheme)
    except ValueError:
        return False


def _address(url: str, scheme: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or _DEFAULT_PORTS[scheme]

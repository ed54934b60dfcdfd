"""Protection against cross-site requests and DNS rebinding.

A page may make a browser call any address, with the cookie where the site is the same, and with a body that needs no
preflight. So a call that changes something must come from our own origin or an allowed one, as the browser says. A page
whose name is made to resolve to this address (DNS rebinding) is of our own origin to the browser, so the name must be
ours too. Programs send neither ``Origin`` nor ``Sec-Fetch-Site`` and are let through; a request with a valid API key is
exempt.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from actors.errors import Forbidden, Misdirected, StudioError
from actors.key_registry.messages import VerifyKey
from actors.runtime.bus import Bus
from transports.api_key import key_in
from transports.http.config import HttpConfig
from transports.http.framework.clients import scheme_and_host
from transports.http.framework.origin import is_allowed_origin

_CHANGES_NOTHING = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_SITES = frozenset(("same-origin", "none"))
# Asked by machines that know an address only; the answers reveal nothing.
_FOR_ANY_NAME = frozenset(("/health", "/ping"))
_MOST_NAMES = 256  # host names in the cache


class CrossSiteRules:
    """Refuses cross-site requests: ``Misdirected`` for a foreign host name, ``Forbidden`` for a foreign origin."""

    def __init__(self, bus: Bus, config: HttpConfig) -> None:
        self._bus = bus
        self._config = config
        self._is_own_name = lru_cache(_MOST_NAMES)(_own_names(config))

    async def refuse(self, request: web.Request) -> None:
        """Raise unless the request is allowed. Cheap for requests that are."""
        if not self._is_for_us(request) and not await self._has_key(request):
            raise Misdirected("Misdirected request")
        if request.method not in _CHANGES_NOTHING and self._is_foreign(request) and not await self._has_key(request):
            raise Forbidden("Origin not allowed")

    def _is_for_us(self, request: web.Request) -> bool:
        if "Host" not in request.headers or request.path in _FOR_ANY_NAME:
            return True
        _, host = scheme_and_host(request, self._config.trusted_proxies)
        return self._is_own_name(host)

    def _is_foreign(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        if origin is not None:
            return not is_allowed_origin(request, origin)
        return request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES

    async def _has_key(self, request: web.Request) -> bool:
        try:
            secret = key_in(request.headers)
            return secret is not None and await self._bus.ask(VerifyKey(secret=secret)) is not None
        except StudioError:
            return False


def _own_names(config: HttpConfig) -> Callable[[str], bool]:
    """Make the check whether a Host header names this studio.

    Any IP address does, since no page can make a browser believe in another one.
    """
    urls = [urlsplit(url).hostname for url in (config.backend_url, config.frontend_url) if url]
    own = {"localhost", *config.allowed_hosts, *(name for name in urls if name)}

    def is_own(host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:  # a bracket without its other half
            return False
        return not host or name in own or name.endswith(".localhost") or _is_address(name)

    return is_own


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

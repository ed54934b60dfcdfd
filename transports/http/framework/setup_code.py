"""The set-up code: who may create the first user.

A client on this machine needs no code outside production; any other needs the code, which stands in the data folder
only. Otherwise the first to find a fresh studio would own it. See JUNJO_SETUP_CODE.
"""

import hmac
from ipaddress import ip_address

from aiohttp import web

from actors.errors import Forbidden
from transports.http.config import HttpConfig

HEADER = "x-junjo-setup-code"
# A request that has one of these came through a proxy, and so from anywhere.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
_REFUSAL = (
    f"The first user needs the header {HEADER}: the code is in secrets/setup-code in the studio's data folder, "
    "or what JUNJO_SETUP_CODE says"
)


def require_setup_code(request: web.Request, config: HttpConfig) -> None:
    """Raise ``Forbidden`` unless the request needs no code or has the right one."""
    if config.setup_code is None or (not config.production and _is_from_here(request)):
        return
    given = request.headers.get(HEADER, "")
    if not hmac.compare_digest(given.encode(errors="surrogateescape"), config.setup_code.encode()):
        raise Forbidden(_REFUSAL)


def _is_from_here(request: web.Request) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(request.remote or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback

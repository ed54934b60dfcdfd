"""The session cookie on the wire (contract, section 3): lower-case attributes, Secure only in production."""

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from aiohttp import web
from aiohttp.hdrs import COOKIE

from actors.errors import StudioError
from actors.session.messages import COOKIE_LENGTH, CheckSession, SignedIn
from transports.http.config import HttpConfig
from transports.http.keys import BUS, CONFIG
from transports.http.visit import Renewed

NAME = "session"
# What a browser sends to an origin that has set no other cookie, as ours has not. Looking through others takes longer.
_ALONE = re.compile(rf"{NAME}=([\w-]+)", re.ASCII)
_ANY = re.compile(rf'(?:^|;)[ \t]*{NAME}[ \t]*=[ \t]*"?([\w-]{{{COOKIE_LENGTH}}})"?[ \t]*(?=;|$)', re.ASCII)
_MOST = 16  # that are tried


def cookies_in(request: web.Request) -> Sequence[str]:
    """The values that may be the cookie of a session, as they come.

    Programs on a parent domain, or for another path, may have set cookies of the same name, which browsers send along,
    in any order (RFC 6265, section 4.2.2), in one header or in several (RFC 9113, section 8.2.3).
    """
    headers = request.headers.getall(COOKIE, ())
    if len(headers) == 1 and (alone := _ALONE.fullmatch(headers[0])):
        return (alone[1],)
    found = (value for header in headers for value in _ANY.findall(header))
    return list(islice(dict.fromkeys(found), _MOST))


def set_cookie(config: HttpConfig, signed_in: SignedIn) -> tuple[str, str]:
    """The header that brings a new session to the browser."""
    return _set_cookie(config, signed_in.cookie, f"Max-Age={signed_in.max_age}")


def delete_cookie(config: HttpConfig) -> tuple[str, str]:
    """The header that takes the session from the browser."""
    return _set_cookie(config, "null", "expires=Thu, 01 Jan 1970 00:00:00 GMT")


async def renew_cookie(request: web.Request, response: web.StreamResponse, renewed: Renewed) -> None:
    """Send the cookie of a renewed session again, unless the session ended while the answer was made."""
    if "Set-Cookie" in response.headers:
        return
    with suppress(StudioError):  # the answer is good without it
        if await request.app[BUS].ask(CheckSession(cookie=renewed.cookie)) is not None:
            response.headers.add(*_set_cookie(request.app[CONFIG], renewed.cookie, f"Max-Age={renewed.max_age}"))


def _set_cookie(config: HttpConfig, value: str, life: str) -> tuple[str, str]:
    secure = "; secure" if config.secure_cookies else ""
    return "Set-Cookie", f"{NAME}={value}; path=/; {life}; httponly; samesite=strict{secure}"

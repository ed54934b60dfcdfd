"""Session and device cookies on the wire, with lower-case attributes, Secure only in production (contract, section 3).

``session`` proves who is signed in. ``junjo_device`` proves nothing of the kind: a browser that has it has signed in
before, so that failed attempts of others do not hold it up.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from aiohttp import web
from aiohttp.hdrs import COOKIE

from actors.errors import StudioError
from actors.session.messages import (
    COOKIE_LENGTH,
    DEVICE_SECONDS,
    DEVICE_TOKEN_LENGTH,
    MOST_DEVICE_COOKIES,
    MOST_DEVICE_TOKENS,
    Browser,
    CheckSession,
    SignedIn,
)
from transports.http.config import HttpConfig
from transports.http.framework.app_keys import BUS, CONFIG
from transports.http.framework.request_state import Renewed

NAME = "session"
# The header of a browser with no other cookie: the device cookie is for /sign-in only. Searching others takes longer.
_ALONE = re.compile(rf"{NAME}=([\w-]+)", re.ASCII)
_ANY = re.compile(rf'(?:^|;)[ \t]*{NAME}[ \t]*=[ \t]*"?([\w-]{{{COOKIE_LENGTH}}})"?[ \t]*(?=;|$)', re.ASCII)
_MOST = 16  # values that are tried
_DEVICE_NAME = "junjo_device"
_LONGEST_DEVICE = MOST_DEVICE_TOKENS * (DEVICE_TOKEN_LENGTH + 1) - 1
_DEVICE = re.compile(
    rf'(?:^|;)[ \t]*{_DEVICE_NAME}[ \t]*=[ \t]*"?([\w.-]{{{DEVICE_TOKEN_LENGTH},{_LONGEST_DEVICE}}})"?[ \t]*(?=;|$)',
    re.ASCII,
)


def cookies_in(request: web.Request) -> Sequence[str]:
    """The values that may be a session cookie, in the order of arrival.

    Programs on a parent domain, or for another path, may have set cookies of the same name, which browsers send along,
    in any order (RFC 6265, section 4.2.2), in one header or in several (RFC 9113, section 8.2.3).
    """
    headers = request.headers.getall(COOKIE, ())
    if len(headers) == 1 and (alone := _ALONE.fullmatch(headers[0])):
        return (alone[1],)
    found = (value for header in headers for value in _ANY.findall(header))
    return list(islice(dict.fromkeys(found), _MOST))


def browser_of(request: web.Request) -> Browser:
    """The session and device cookies that the browser kept from earlier sign-ins."""
    found = (value for header in request.headers.getall(COOKIE, ()) for value in _DEVICE.findall(header))
    return Browser(sessions=tuple(cookies_in(request)), devices=tuple(islice(found, MOST_DEVICE_COOKIES)))


def set_cookies(config: HttpConfig, signed_in: SignedIn) -> tuple[tuple[str, str], ...]:
    """Headers that set the cookies of a new session and of the device."""
    session = _set_cookie(config, signed_in.cookie, f"Max-Age={signed_in.max_age}")
    life = f"Max-Age={DEVICE_SECONDS}"
    return session, _set_cookie(config, signed_in.device_cookie, life, name=_DEVICE_NAME, path="/sign-in")


def delete_cookie(config: HttpConfig) -> tuple[str, str]:
    """The header that deletes the session cookie."""
    return _set_cookie(config, "null", "expires=Thu, 01 Jan 1970 00:00:00 GMT")


async def renew_cookie(request: web.Request, response: web.StreamResponse, renewed: Renewed) -> None:
    """Send the cookie of a renewed session again, unless the session ended while the answer was made."""
    if "Set-Cookie" in response.headers:
        return
    with suppress(StudioError):  # the answer is good without it
        if await request.app[BUS].ask(CheckSession(cookie=renewed.cookie)) is not None:
            response.headers.add(*_set_cookie(request.app[CONFIG], renewed.cookie, f"Max-Age={renewed.max_age}"))


def _set_cookie(config: HttpConfig, value: str, life: str, name: str = NAME, path: str = "/") -> tuple[str, str]:
    secure = "; secure" if config.secure_cookies else ""
    return "Set-Cookie", f"{name}={value}; path={path}; {life}; httponly; samesite=strict{secure}"

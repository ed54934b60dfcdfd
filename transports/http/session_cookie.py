"""The session cookie on the wire (contract, section 3): lower-case attributes, Secure only in production."""

import re
from contextlib import suppress

from aiohttp import web

from actors.errors import StudioError
from actors.session.messages import CheckedSession, CheckSession, SignedIn
from transports.http.config import HttpConfig
from transports.http.keys import BUS, CONFIG

NAME = "session"
# What a browser sends to an origin that has set no other cookie, as ours has not. Parsing cookies takes much longer.
_ALONE = re.compile(rf"{NAME}=([\w-]+)", re.ASCII)


def cookie_in(request: web.Request) -> str | None:
    """The cookie's value; ``None`` when there is none, or an empty one."""
    alone = _ALONE.fullmatch(request.headers.get("Cookie", ""))
    return alone[1] if alone else request.cookies.get(NAME) or None


def set_cookie(config: HttpConfig, signed_in: SignedIn) -> tuple[str, str]:
    """The header that brings a new session to the browser."""
    return _set_cookie(config, signed_in.cookie, f"Max-Age={signed_in.max_age}")


def delete_cookie(config: HttpConfig) -> tuple[str, str]:
    """The header that takes the session from the browser."""
    return _set_cookie(config, "null", "expires=Thu, 01 Jan 1970 00:00:00 GMT")


async def renew_cookie(request: web.Request, response: web.StreamResponse, renewed: CheckedSession) -> None:
    """Send the cookie of a renewed session again, unless the session ended while the answer was made."""
    if "Set-Cookie" in response.headers:
        return
    cookie = request.cookies[NAME]
    with suppress(StudioError):  # the answer is good without it
        if await request.app[BUS].ask(CheckSession(cookie=cookie)) is not None:
            response.headers.add(*_set_cookie(request.app[CONFIG], cookie, f"Max-Age={renewed.max_age}"))


def _set_cookie(config: HttpConfig, value: str, life: str) -> tuple[str, str]:
    secure = "; secure" if config.secure_cookies else ""
    return "Set-Cookie", f"{NAME}={value}; path=/; {life}; httponly; samesite=strict{secure}"

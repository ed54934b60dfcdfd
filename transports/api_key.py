"""API keys in requests: extraction and authorisation."""

import re
from collections.abc import Mapping

from actors.errors import Forbidden, Unauthenticated
from actors.key_registry.messages import ApiKey, HasKeyEnded, VerifyKey
from actors.principal import Scope
from actors.runtime.bus import Bus

HEADER = "x-junjo-api-key"
# The scheme in either case, and spaces or tabs (RFC 9110, section 11.4, is stricter; people paste tabs).
_BEARER = re.compile(r"bearer[ \t]+(\S+)", re.IGNORECASE)


def key_in(headers: Mapping[str, str]) -> str | None:
    """The key in ``x-junjo-api-key`` or ``Authorization: Bearer KEY``; ``None`` without one. An empty one is none.

    ``headers`` is looked up in lower case. ``Unauthenticated`` for an Authorization header of another form.
    """
    key = headers.get(HEADER)
    if key and (key := key.strip()):
        return key
    authorization = headers.get("authorization", "").strip()
    if not authorization:
        return None
    bearer = _BEARER.fullmatch(authorization)
    if bearer is None:
        raise Unauthenticated("Unauthorized: The Authorization header is not of the form Bearer KEY")
    return bearer[1]


async def require_key(bus: Bus, headers: Mapping[str, str], scope: Scope) -> ApiKey:
    """The live key of this request. ``Unauthenticated`` without one, else as ``live_key``."""
    secret = key_in(headers)
    if secret is None:
        raise Unauthenticated(f"Missing API key: send it as {HEADER} or Authorization: Bearer")
    return await live_key(bus, secret, scope)


async def live_key(bus: Bus, secret: str, *scopes: Scope) -> ApiKey:
    """The live key of this secret, if it has one of the scopes.

    ``Unauthenticated`` when the secret is no live key, ``Forbidden`` when the key has none of the scopes. While the
    registry is down this is ``Unavailable`` and never ``Unauthenticated``: exporters drop data on the latter.
    """
    key = await bus.ask(VerifyKey(secret=secret))
    if key is None:
        ended = await bus.ask(HasKeyEnded(secret=secret))
        raise Unauthenticated(f"Unauthorized: This API key {'has ended' if ended else 'is unknown'}")
    if key.scopes.isdisjoint(scopes):
        raise Forbidden(f"This key lacks the scope {scopes[0].value}")
    return key

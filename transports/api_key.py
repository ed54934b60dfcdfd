"""API keys in requests: where they stand, and what they allow."""

from collections.abc import Mapping

from actors.errors import Forbidden, Unauthenticated
from actors.key_registry.messages import ApiKey, VerifyKey
from actors.principal import Scope
from actors.runtime.bus import Bus

HEADER = "x-junjo-api-key"


def key_in(headers: Mapping[str, str]) -> str | None:
    """The key in ``x-junjo-api-key`` or ``Authorization: Bearer KEY``. ``headers`` is looked up in lower case."""
    key = headers.get(HEADER)
    if key is not None:
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def require_key(bus: Bus, headers: Mapping[str, str], scope: Scope) -> ApiKey:
    """The live key of this request. ``Unauthenticated`` without one, ``Forbidden`` when it lacks the scope.

    When the registry is away this is ``Unavailable`` and never ``Unauthenticated``: exporters drop data on the latter.
    """
    secret = key_in(headers)
    if not secret:
        raise Unauthenticated(f"Missing API key: send it as {HEADER} or Authorization: Bearer")
    key = await bus.ask(VerifyKey(secret=secret))
    if key is None:
        raise Unauthenticated("Invalid API key")
    if scope not in key.scopes:
        raise Forbidden(f"This API key lacks the scope {scope.value}")
    return key

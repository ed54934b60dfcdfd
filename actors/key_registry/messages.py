"""The public face of KeyRegistryActor: API keys."""

from datetime import datetime

import attrs

from actors.principal import Principal, Scope
from actors.runtime.messages import Event, Request


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key as it is listed: never the secret. ``masked`` is its first 6 and last 4 characters around an ellipsis."""

    id: str  # nanoid, 21 characters
    name: str
    masked: str
    scopes: frozenset[Scope]
    created_at: datetime  # aware UTC, whole seconds
    created_by: str  # e-mail of the user who made it


@attrs.frozen(kw_only=True)
class IssuedKey:
    """A new key with its secret, which is shown this once: 64 characters 0-9A-Za-z."""

    key: ApiKey
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AdoptKey(Request[bool]):
    """Take a key over from another installation, so that programs go on with it.

    False, and nothing changes, when the id or the secret is there already, or a key with this id was revoked here.
    ``InvalidRequest`` when the secret has not the form of ours. The key's ``masked`` is made anew.
    """

    key: ApiKey
    secret: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class IssueKey(Request[IssuedKey]):
    """Make a key. Names are kept as given, and need not be unique."""

    name: str
    scopes: frozenset[Scope]
    by: Principal


@attrs.frozen(kw_only=True)
class ListKeys(Request[tuple[ApiKey, ...]]):
    """All live keys, newest first."""


@attrs.frozen(kw_only=True)
class RevokeKey(Request[None]):
    """End a key, effective on the next call. ``NotFound``."""

    id: str
    by: Principal


@attrs.frozen(kw_only=True)
class HandOverKeys(Request[tuple[ApiKey, ...]]):
    """Let no key be without an owner when this user goes; the keys that changed.

    Those that send spans pass to ``by``, for that alone, so that programs go on; all others end. Who deletes themselves
    leaves theirs to the system.
    """

    user_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class WithdrawScope(Request[tuple[ApiKey, ...]]):
    """Take a scope from all keys of a user; the keys that changed. One that has no other scope ends."""

    user_id: str
    scope: Scope
    by: Principal


@attrs.frozen(kw_only=True)
class VerifyKey(Request[ApiKey | None]):
    """Which live key is this secret? ``None`` when it is none. Answered from memory, in constant time."""

    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class KeyRevoked(Event):
    """This key no longer works."""

    id: str

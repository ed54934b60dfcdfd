"""The public face of KeyRegistryActor: API keys."""

from datetime import datetime, timedelta
from enum import Enum

import attrs

from actors.principal import Principal, Scope
from actors.runtime.messages import Event, Request


class KeyState(Enum):
    """Whether a key works. A revoked key is deleted, and has no state."""

    LIVE = "live"
    EXPIRED = "expired"


@attrs.frozen(kw_only=True)
class KeyOwner:
    """The owner of a key; ``system`` where it was made or taken over on the command line."""

    id: str
    email: str


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key as it is listed, without the secret.

    ``masked`` is its first 6 and last 4 characters around an ellipsis.
    """

    id: str  # nanoid, 21 characters
    name: str
    masked: str
    scopes: frozenset[Scope]
    owner: KeyOwner
    created_at: datetime  # aware UTC, whole seconds
    expires_at: datetime | None = None  # aware UTC; from then on it does not work. None is never
    last_used_at: datetime | None = None  # aware UTC; None is never
    state: KeyState = KeyState.LIVE


@attrs.frozen(kw_only=True)
class IssuedKey:
    """A key with its secret: 64 characters 0-9A-Za-z."""

    key: ApiKey
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class AdoptKey(Request[bool]):
    """Take a key over from another installation, so that programs can go on using it.

    False, and nothing changes, when the id or the secret is there already, or has ended here. ``InvalidRequest`` when
    the secret has not the form of ours. The key's ``masked`` is made anew.
    """

    key: ApiKey
    secret: str = attrs.field(repr=False)
    by: Principal


@attrs.frozen(kw_only=True)
class IssueKey(Request[IssuedKey]):
    """Make a key that belongs to ``by``. Names are kept as given, and need not be unique.

    ``Forbidden`` for a scope that only an admin can give, ``InvalidRequest`` for an expiry that has passed,
    ``Conflict`` when there are too many. The secret is returned this once, unless it is kept (``RevealKeys``).
    """

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    by: Principal


@attrs.frozen(kw_only=True)
class RotateKey(Request[IssuedKey]):
    """Make a key like this one, which then works for ``overlap`` longer, and no longer than it would have.

    The new one has its name, scopes, owner and expiry. ``NotFound``; ``Forbidden`` for others' keys, if ``by`` is no
    admin; ``Conflict`` for one that has expired or was rotated before, and when there are too many.
    """

    id: str
    overlap: timedelta
    by: Principal


@attrs.frozen(kw_only=True)
class ListKeys(Request[tuple[ApiKey, ...]]):
    """List all keys for an admin, or a member's own; expired ones too, newest first."""

    by: Principal


@attrs.frozen(kw_only=True)
class RevealKeys(Request[tuple[IssuedKey, ...]]):
    """List the asker's own keys that are kept with their secrets; none where the operator has not chosen that."""

    by: Principal


@attrs.frozen(kw_only=True)
class RevokeKey(Request[None]):
    """End a key, effective on the next call. ``NotFound``; ``Forbidden`` for others' keys, if ``by`` is no admin."""

    id: str
    by: Principal


@attrs.frozen(kw_only=True)
class HandOverKeys(Request[tuple[ApiKey, ...]]):
    """Hand the keys of a deleted user over to ``by``, reduced to the scope ``ingest``, and end all others.

    The answer is the keys that changed; those that ended have no scopes. Users who delete themselves leave their keys
    to the system. Asked once more when the user's sessions have ended, it finds the keys that were made meanwhile: then
    none can be.
    """

    user_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class WithdrawScope(Request[tuple[ApiKey, ...]]):
    """Take a scope from all keys of a user. One that has no other ends.

    The answer is the keys that changed; those that ended have no scopes. Asked once more when the user's role has
    changed, it finds the keys that were made meanwhile: then none with the scope can be.
    """

    user_id: str
    scope: Scope
    by: Principal


@attrs.frozen(kw_only=True)
class VerifyKey(Request[ApiKey | None]):
    """Find the live key of this secret; ``None`` when it is none. Answered from memory, in constant time.

    It counts as a use of the key. ``ListKeys`` has the last use, and this answer does not.
    """

    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class HasKeyEnded(Request[bool]):
    """Whether this secret, which is no live key, was one: it has expired, or it is one of the last 10,000 to end."""

    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class KeyRevoked(Event):
    """This key no longer works: it was revoked, its owner has gone, its only scope was withdrawn, or it has expired."""

    id: str


@attrs.frozen(kw_only=True)
class ScopesWithdrawn(Event):
    """Scopes were withdrawn from this key: only ``left`` remain."""

    id: str
    left: frozenset[Scope]

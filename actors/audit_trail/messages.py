"""The public face of AuditTrailActor: the trail read, and what has no transaction of its own recorded."""

import attrs

from actors.audit_entry import AuditEntry, Outcome
from actors.runtime.messages import Request


@attrs.frozen(kw_only=True)
class TrailEntry:
    """An entry as it stands in the trail. Words are those of the version that wrote it."""

    id: int
    at: int  # Unix seconds
    action: str
    resource_type: str
    resource_id: str | None
    user_id: str
    user_email: str
    key_id: str | None
    address: str | None
    request_id: str | None
    outcome: str
    details: str  # a JSON object


@attrs.frozen(kw_only=True)
class AuditPlace:
    """A place in the trail: behind the entry that has these."""

    at: int
    id: int


@attrs.frozen(kw_only=True)
class AuditPage:
    """Entries, newest first, and where the next page begins (``None`` at the end)."""

    entries: tuple[TrailEntry, ...]
    next: AuditPlace | None


@attrs.frozen(kw_only=True)
class ListAudit(Request[AuditPage]):
    """Entries, newest first. ``actor`` is an id or an e-mail address.

    Times are Unix seconds: from ``since`` (included) to ``before`` (excluded).
    """

    actor: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    since: int | None = None
    before: int | None = None
    limit: int = 50
    after: AuditPlace | None = None


@attrs.frozen(kw_only=True)
class RecordAudit(Request[None]):
    """Record what has no transaction of its own. It is durable when it is answered; ``Unavailable`` when it cannot."""

    entry: AuditEntry


@attrs.frozen(kw_only=True)
class RecordRefusal(Request[bool]):
    """Record what a user was refused: once a minute each kind, and a few in all. The next tells how many were left out.

    Whether it was recorded.
    """

    entry: AuditEntry

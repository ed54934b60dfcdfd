"""The public face of AuditTrailActor: reading the trail, and recording entries without a transaction of their own."""

import attrs

from actors.audit_entry import AuditEntry, Outcome
from actors.runtime.messages import Request


@attrs.frozen(kw_only=True)
class TrailEntry:
    """An entry as it is stored. Names of actions and resources are those of the version that wrote it."""

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
    """A position in the trail: behind the entry with this time and id."""

    at: int
    id: int


@attrs.frozen(kw_only=True)
class AuditPage:
    """A page of entries, newest first, and the position of the next page (``None`` at the end)."""

    entries: tuple[TrailEntry, ...]
    next: AuditPlace | None


@attrs.frozen(kw_only=True)
class ListAudit(Request[AuditPage]):
    """List entries, newest first. ``actor`` is an id or an e-mail address.

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
    """Record an entry without a transaction of its own. Durable when answered; ``Unavailable`` when it cannot be."""

    entry: AuditEntry


@attrs.frozen(kw_only=True)
class RecordRefusal(Request[bool]):
    """Record a refusal: once a minute of each kind, and a few in all. The next entry says how many were left out.

    The answer is whether it was recorded.
    """

    entry: AuditEntry

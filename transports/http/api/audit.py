"""Route of the audit trail, for admins."""

from typing import Annotated, Any

import attrs
import orjson

from actors.audit_entry import Outcome
from actors.audit_trail.messages import AuditPlace, ListAudit, TrailEntry
from actors.errors import Unavailable
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import Between, MaxLength
from transports.http.wire.cursors import cursor_of, place_after
from transports.http.wire.moments import Moment, time_text

_TIME = "2026-11-22T20:00:00.000Z"
_SECOND = 1_000_000_000  # nanoseconds


@attrs.frozen
class _Place:
    """The continuation of a list, and the times that it was asked for: ``now`` is that of the first page."""

    at: int
    id: int
    since: int | None
    before: int | None


@attrs.frozen(kw_only=True)
class AuditQuery:
    """A selection of entries, newest first."""

    actor: Annotated[str, MaxLength(2048)] | None = attrs.field(
        default=None, metadata=described("Only what this user or key did, by id or e-mail address", "ada@example.com")
    )
    action: Annotated[str, MaxLength(64)] | None = attrs.field(
        default=None, metadata=described("Only this action", "delete")
    )
    outcome: Outcome | None = attrs.field(default=None, metadata=described("Only what came to this", "refused"))
    from_: Moment | None = attrs.field(default=None, metadata=described("Only entries of this time or later", _TIME))
    to: Moment | None = attrs.field(default=None, metadata=described("Only entries before this time", _TIME))
    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most entries to answer", 50))
    after: str | None = attrs.field(
        default=None, metadata=described("The next of an earlier answer: go on behind it", "WyI1ZTg4IiwxXQ")
    )


@attrs.frozen(kw_only=True)
class AuditActorAnswer:
    """The actor of an entry.

    A key that acted for itself has its id in both members. Failed sign-ins may have any e-mail address.
    """

    id: str = attrs.field(metadata=described("Id of the user, or api_key: and that of the key", "Mf8fJLve2y1WBaP5TYC7"))
    email: str = attrs.field(metadata=described("Their e-mail address, or that of the key's maker", "ada@example.com"))
    key_id: str | None = attrs.field(metadata=described("Id of the key that stood in for a sign-in", None))


@attrs.frozen(kw_only=True)
class AuditEntryAnswer:
    """An entry of the audit trail. Members that an earlier version did not record are null."""

    id: str = attrs.field(metadata=described("Id of the entry", "4711"))
    time: str = attrs.field(
        metadata=described("When it was done, in UTC with nine decimals", _TIME) | {"format": "date-time"}
    )
    action: str = attrs.field(metadata=described("What was done", "delete"))
    resource_type: str = attrs.field(metadata=described("To what kind of thing", "trace"))
    resource_id: str | None = attrs.field(metadata=described("To which of them", "0af7651916cd43dd8448eb211c80319c"))
    actor: AuditActorAnswer = attrs.field(
        metadata=described("By whom", {"id": "Mf8fJLve2y1WBaP5TYC7", "email": "ada@example.com", "key_id": None})
    )
    address: str | None = attrs.field(metadata=described("From where", "192.0.2.1"))
    request_id: str | None = attrs.field(metadata=described("In which request", "5f0c8d3b"))
    outcome: str = attrs.field(metadata=described("What came of it: ok, refused or failed", "ok"))
    details: dict[str, Any] = attrs.field(metadata=described("What more there is to say", {"name": "production"}))

    @classmethod
    def of(cls, entry: TrailEntry) -> "AuditEntryAnswer":
        return cls(
            id=str(entry.id),
            time=time_text(entry.at * _SECOND),
            action=entry.action,
            resource_type=entry.resource_type,
            resource_id=entry.resource_id,
            actor=AuditActorAnswer(id=entry.user_id, email=entry.user_email, key_id=entry.key_id),
            address=entry.address,
            request_id=entry.request_id,
            outcome=entry.outcome,
            details=orjson.loads(entry.details),
        )


@attrs.frozen(kw_only=True)
class AuditAnswer:
    """A page of the audit trail, newest first."""

    entries: list[AuditEntryAnswer] = attrs.field(
        metadata=described(
            "The entries",
            [
                {
                    "id": "4711",
                    "time": _TIME,
                    "action": "auth_sign_in_failed",
                    "resource_type": "session",
                    "resource_id": None,
                    "actor": {"id": "unknown", "email": "ada@example.com", "key_id": None},
                    "address": "192.0.2.1",
                    "request_id": "5f0c8d3b",
                    "outcome": "failed",
                    "details": {},
                }
            ],
        )
    )
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", "WyI1ZTg4IiwxXQ"))


async def list_audit(call: Call[None, AuditQuery]) -> AuditAnswer:
    request = _request(call)
    page = await call.bus.ask(request)
    entries = [AuditEntryAnswer.of(entry) for entry in page.entries]
    if page.next is None:
        return AuditAnswer(entries=entries, next=None)
    place = _Place(page.next.at, page.next.id, request.since, request.before)
    return AuditAnswer(entries=entries, next=cursor_of(call.request, place))


def _request(call: Call[None, AuditQuery]) -> ListAudit:
    query = call.query
    request = ListAudit(
        actor=query.actor,
        action=query.action,
        outcome=query.outcome,
        since=None if query.from_ is None else query.from_.whole_second,
        before=None if query.to is None else query.to.whole_second,
        limit=query.limit,
    )
    if query.after is None:
        return request
    place = place_after(call.request, query.after, _Place)
    after = AuditPlace(at=place.at, id=place.id)
    return attrs.evolve(request, after=after, since=place.since, before=place.before)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/audit",
        handler=list_audit,
        access=Access.ADMIN,
        query=AuditQuery,
        only_known=True,
        answers=AuditAnswer,
        errors=(Unavailable,),
        tag="service",
        summary="List who did what, newest first",
    ),
)

"""Routes of sessions, which are conversations of an agent."""

from collections.abc import Mapping
from typing import Annotated, Any

import attrs
import orjson
from aiohttp import web

from actors.errors import NotFound, Overloaded, TooLarge
from actors.scores.messages import SummarizeScores
from actors.span_store.asked.sessions import (
    MOST_ID,
    GetSession,
    ListSessions,
    SessionPage,
    SessionPlace,
    SessionTurns,
    TurnPlace,
)
from actors.span_store.query.expression import EVERYTHING, And, Expression, equal, started_between
from actors.span_store.query.position import Position
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Between, MaxLength
from transports.http.wire.cursors import cursor_of, place_after
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.moments import Moment
from transports.http.wire.session_answers import SESSION_ID, SessionsAnswer, SessionTurnsAnswer
from transports.http.wire.session_json import session_document, turn_document
from transports.http.wire.trace_json import Scores

_PATH = "/api/v1/observability/sessions"
_TIME = "2026-11-30T07:00:00.123Z"
_CURSOR = "WyI1ZTg4IiwxXQ"
_HALF = 2**63  # numbers of cursors have a sign, and those of OTLP have none
_ID = {
    "session_id": Parameter(
        description=f"Id of the session, percent-encoded; of {MOST_ID} characters at most", example=SESSION_ID
    )
}


@attrs.frozen
class _Place:
    """A place in the list of sessions."""

    as_of: int
    last_start: int
    position: int

    @classmethod
    def of(cls, place: SessionPlace) -> "_Place":
        return cls(place.as_of.number, place.last_start_time_unix_nano - _HALF, place.position.number)

    @property
    def value(self) -> SessionPlace:
        return SessionPlace(
            as_of=Position(max(0, self.as_of)),
            last_start_time_unix_nano=self.last_start + _HALF,
            position=Position(max(0, self.position)),
        )


@attrs.frozen
class _Turn:
    """A place in a session."""

    as_of: int
    start: int
    trace_id: str

    @classmethod
    def of(cls, place: TurnPlace) -> "_Turn":
        return cls(place.as_of.number, place.start_time_unix_nano - _HALF, place.trace_id)

    @property
    def value(self) -> TurnPlace:
        return TurnPlace(
            as_of=Position(max(0, self.as_of)), start_time_unix_nano=self.start + _HALF, trace_id=self.trace_id
        )


@attrs.frozen(kw_only=True)
class SessionsQuery:
    """A selection of sessions: those with a span that all of this is true of."""

    q: Filter | None = attrs.field(default=None, metadata=described(DESCRIPTION, EXAMPLE))
    service: Annotated[str, MaxLength(2048)] | None = attrs.field(
        default=None, metadata=described("Name of the service", "shop")
    )
    from_: Moment | None = attrs.field(default=None, metadata=described("Start of the span, or later", _TIME))
    to: Moment | None = attrs.field(default=None, metadata=described("Before this start of the span", _TIME))
    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most sessions to answer", 50))
    after: str | None = attrs.field(
        default=None, metadata=described("The next of an earlier answer: go on behind it", _CURSOR)
    )

    @property
    def where(self) -> Expression:
        """What is asked of spans."""
        service = EVERYTHING if self.service is None else equal(service_name=self.service)
        times = started_between(self.from_ and self.from_.unix_nano, self.to and self.to.unix_nano)
        asked = EVERYTHING if self.q is None else self.q.expression
        wanted = [each for each in (asked, service, times) if each != EVERYTHING]
        return And(wanted) if wanted else EVERYTHING


@attrs.frozen(kw_only=True)
class TurnsQuery:
    """A page of the turns of a session."""

    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most turns to answer", 50))
    after: str | None = attrs.field(
        default=None, metadata=described("The next of an earlier answer: go on behind it", _CURSOR)
    )


async def list_sessions(call: Call[None, SessionsQuery]) -> web.StreamResponse:
    query = call.query
    after = None if query.after is None else place_after(call.request, query.after, _Place).value
    request = ListSessions(where=query.where, limit=query.limit, after=after)

    async def read(room: int) -> Body:
        page = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=_page(call, page))

    return await answer_tagged(call, read)


async def get_session(call: Call[None, TurnsQuery]) -> web.StreamResponse:
    query = call.query
    after = None if query.after is None else place_after(call.request, query.after, _Turn).value
    request = GetSession(session_id=call.path("session_id"), limit=query.limit, after=after)

    async def read(room: int) -> Body:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        scores = await call.bus.ask(SummarizeScores(trace_ids=tuple(trace.trace_id for trace in found.turns)))
        return Body(content=_turns(call, found, scores))

    return await answer_tagged(call, read)


def _page(call: Call[None, SessionsQuery], page: SessionPage) -> bytes:
    after = None if page.next is None else cursor_of(call.request, _Place.of(page.next))
    return orjson.dumps({"sessions": [session_document(session) for session in page.sessions], "next": after})


def _turns(call: Call[None, TurnsQuery], found: SessionTurns, scores: Mapping[str, Scores]) -> bytes:
    after = None if found.next is None else cursor_of(call.request, _Turn.of(found.next))
    turns = [turn_document(trace, scores.get(trace.trace_id, ())) for trace in found.turns]
    return orjson.dumps({"session": session_document(found.session), "turns": turns, "next": after})


def _route(path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(
        method="GET",
        path=f"{_PATH}{path}",
        handler=handler,
        access=Access.SESSION_OR_READ_KEY,
        only_known=True,
        has_etag=True,
        tag="observability",
        summary=summary,
        **more,
    )


ROUTES = (
    _route(
        "",
        list_sessions,
        "List sessions of agents, the latest first",
        query=SessionsQuery,
        answers=SessionsAnswer,
        errors=(Overloaded,),
    ),
    _route(
        "/{session_id}",
        get_session,
        "Get a session and its turns, oldest first",
        query=TurnsQuery,
        answers=SessionTurnsAnswer,
        errors=(NotFound, TooLarge, Overloaded),
        path_parameters=_ID,
    ),
)

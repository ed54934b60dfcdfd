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
_END = 2**64
_ID = {
    "session_id": Parameter(
        description=f"Id of the session, percent-encoded; of {MOST_ID} characters at most", example=SESSION_ID
    )
}


def _demand_number(_: object, __: object, text: str) -> None:
    if not text.isdecimal() or not text.isascii() or int(text) >= _END:
        raise ValueError("no number of 64 bits")


_optional_number = attrs.validators.optional(_demand_number)


@attrs.frozen
class _Place:
    """The continuation of the list, and the times that it was asked for: ``now`` is that of the first page.

    Numbers are texts: times have 64 bits.
    """

    as_of: str = attrs.field(validator=_demand_number)
    last_start: str = attrs.field(validator=_demand_number)
    position: str = attrs.field(validator=_demand_number)
    first: str | None = attrs.field(validator=_optional_number)
    end: str | None = attrs.field(validator=_optional_number)

    @property
    def value(self) -> SessionPlace:
        return SessionPlace(
            as_of=Position(int(self.as_of)),
            last_start_time_unix_nano=int(self.last_start),
            position=Position(int(self.position)),
        )


@attrs.frozen
class _Turn:
    """The continuation of a session."""

    as_of: str = attrs.field(validator=_demand_number)
    start: str = attrs.field(validator=_demand_number)
    trace_id: str

    @property
    def value(self) -> TurnPlace:
        as_of, start = Position(int(self.as_of)), int(self.start)
        return TurnPlace(as_of=as_of, start_time_unix_nano=start, trace_id=self.trace_id)


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


@attrs.frozen(kw_only=True)
class TurnsQuery:
    """A page of the turns of a session."""

    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most turns to answer", 50))
    after: str | None = attrs.field(
        default=None, metadata=described("The next of an earlier answer: go on behind it", _CURSOR)
    )


async def list_sessions(call: Call[None, SessionsQuery]) -> web.StreamResponse:
    query = call.query
    after = None if query.after is None else place_after(call.request, query.after, _Place)
    times = (_text(query.from_), _text(query.to)) if after is None else (after.first, after.end)
    request = ListSessions(where=_where(query, *times), limit=query.limit, after=None if after is None else after.value)

    async def read(room: int) -> Body:
        page = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=_page(call, page, times))

    return await answer_tagged(call, read)


def _text(moment: Moment | None) -> str | None:
    return None if moment is None else str(moment.unix_nano)


def _where(query: SessionsQuery, first: str | None, end: str | None) -> Expression:
    """What is asked of spans."""
    asked = EVERYTHING if query.q is None else query.q.expression
    service = EVERYTHING if query.service is None else equal(service_name=query.service)
    times = started_between(*(None if time is None else int(time) for time in (first, end)))
    wanted = [each for each in (asked, service, times) if each != EVERYTHING]
    return And(wanted) if wanted else EVERYTHING


async def get_session(call: Call[None, TurnsQuery]) -> web.StreamResponse:
    query = call.query
    after = None if query.after is None else place_after(call.request, query.after, _Turn).value
    request = GetSession(session_id=call.path("session_id"), limit=query.limit, after=after)

    async def read(room: int) -> Body:
        found = await call.bus.ask(attrs.evolve(request, room=room))
        scores = await call.bus.ask(SummarizeScores(trace_ids=tuple(trace.trace_id for trace in found.turns)))
        return Body(content=_turns(call, found, scores))

    return await answer_tagged(call, read)


def _page(call: Call[None, SessionsQuery], page: SessionPage, times: tuple[str | None, str | None]) -> bytes:
    sessions = [session_document(session) for session in page.sessions]
    return orjson.dumps({"sessions": sessions, "next": page.next and _cursor(call, page.next, times)})


def _cursor(call: Call[None, SessionsQuery], place: SessionPlace, times: tuple[str | None, str | None]) -> str:
    as_of, last_start, position = str(place.as_of), str(place.last_start_time_unix_nano), str(place.position)
    return cursor_of(call.request, _Place(as_of, last_start, position, *times))


def _turns(call: Call[None, TurnsQuery], found: SessionTurns, scores: Mapping[str, Scores]) -> bytes:
    after = None
    if found.next is not None:
        place = _Turn(str(found.next.as_of), str(found.next.start_time_unix_nano), found.next.trace_id)
        after = cursor_of(call.request, place)
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
        errors=(TooLarge, Overloaded),
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

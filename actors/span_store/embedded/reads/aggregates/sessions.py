"""Sessions by SQL: which ones a page has, then what all spans of their traces say."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import duckdb

from actors.errors import NeedsRoom
from actors.span_store.asked.sessions import (
    MOST_ID,
    GetSession,
    ListSessions,
    Session,
    SessionOutline,
    SessionPage,
    SessionPlace,
    TurnPlace,
)
from actors.span_store.embedded.reads.aggregates.traces_found import EVERY_TRACE
from actors.span_store.embedded.reads.span_table import IN_MEMORY
from actors.span_store.embedded.sealed.index import trace_numbers, transaction
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.query.position import Position
from actors.span_store.query.sql import Condition
from actors.span_store.traces.summary import MOST_LISTED, Tokens

_PLACES = (8, 64, 512)  # in the order of segments, from which on the latest spans are looked at first
_FEW = 2000  # traces that are looked for in the segments that have them
_SESSION_BYTES = 1024  # beside its texts
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_READ = (
    "trace_id, span_id, parent_span_id, session_id, user_id, service_name, start_time_unix_nano, end_time_unix_nano, "
    f"status_code, cost_usd, counted, {', '.join(_TOKENS)}"
)
_SUMS = ", ".join(
    f"CASE WHEN sum({name}) FILTER (counted) < 1::HUGEINT << 63 THEN sum({name}) FILTER (counted) END"
    for name in _TOKENS
)
_ORDER = "{'start': start_time_unix_nano, 'id': span_id}"
# A struct is not null where its members are: so it is the earliest root, whatever that says.
_TRACES = f"""
    SELECT trace_id, start, root.span_id AS root_id, coalesce(root.said, said) AS said, coalesce(root.who, who) AS who
    FROM (
        SELECT
            trace_id,
            min(start_time_unix_nano) AS start,
            arg_min({{'span_id': span_id, 'said': session_id, 'who': user_id}}, {_ORDER})
                FILTER (parent_span_id IS NULL) AS root,
            arg_min(session_id, {_ORDER}) FILTER (session_id IS NOT NULL) AS said,
            arg_min(user_id, {_ORDER}) FILTER (user_id IS NOT NULL) AS who
        FROM near_span GROUP BY trace_id
    )
"""  # noqa: S608 - own names
_TURN = "{'start': turn.start, 'id': turn.trace_id}"
_SESSIONS = f"""
    SELECT
        turn.said,
        arg_min(turn.who, {_TURN}) FILTER (turn.who IS NOT NULL),
        list_sort(list(DISTINCT service_name))[:{MOST_LISTED:d}],
        count(DISTINCT turn.trace_id),
        min(start_time_unix_nano),
        nullif(max(end_time_unix_nano), 0),
        fsum(cost_usd) FILTER (counted),
        count(*) FILTER (counted AND cost_usd IS NULL),
        count(*) FILTER (status_code = 2),
        arg_min({{'trace_id': turn.trace_id, 'span_id': turn.root_id}}, {_TURN}),
        {_SUMS}
    FROM near_span JOIN turn USING (trace_id)
    GROUP BY turn.said
"""  # noqa: S608 - own names, a number


@attrs.frozen
class _Near:
    """A condition on spans: all of the traces in which one says one of some sessions. And its parameters."""

    text: str
    parameters: list[Any]


@attrs.frozen
class Sessions:
    """Answers of the spans of a relation, as ``SpanTable.relation`` has it; ``next_seq`` comes behind all of them."""

    cursor: duckdb.DuckDBPyConnection
    spans: str
    sealed: Sequence[Segment]  # latest spans first
    next_seq: int

    def page(self, request: ListSessions, matching: Condition) -> SessionPage:
        """``matching`` is a condition on ``trace_id``: a span of the trace is one that is asked for."""
        with transaction(self.cursor):
            found = self._found(request, matching)
        page = found[: request.limit]
        _demand_room([session for session, _ in page], request.room)
        return SessionPage(
            sessions=tuple(session for session, _ in page), next=page[-1][1] if len(found) > len(page) else None
        )

    def outline(self, request: GetSession) -> SessionOutline | None:
        """One session and a page of its turns; ``None`` when no trace belongs to it."""
        as_of = self.next_seq if request.after is None else request.after.as_of.number
        with transaction(self.cursor):
            near = self._near([request.session_id], as_of)
            session = self._sessions([request.session_id], near, EVERY_TRACE).get(request.session_id)
            found = [] if session is None else self._turns(request, near, as_of)
        if session is None:
            return None
        page = tuple(found[: request.limit])
        return SessionOutline(session=session, turns=page, next=page[-1] if len(found) > len(page) else None)

    def _found(self, request: ListSessions, matching: Condition) -> list[tuple[Session, SessionPlace]]:
        """The sessions of a page, and one more where there is another page."""
        after = request.after
        as_of = self.next_seq if after is None else after.as_of.number
        found: list[tuple[Session, SessionPlace]] = []
        while len(found) <= request.limit:
            size = request.limit + 1 - len(found)
            places = self._places(matching, as_of, after, size)
            if places:
                known = self._sessions(list(places), self._near(list(places), as_of), matching)
                found += [(known[session_id], place) for session_id, place in places.items() if session_id in known]
            if len(places) < size:
                break
            after = list(places.values())[-1]
        return found

    def _places(
        self, matching: Condition, as_of: int, after: SessionPlace | None, limit: int
    ) -> dict[str, SessionPlace]:
        """Sessions that spans say, latest first: more than there are, where a root says another one.

        Whatever started before some time cannot be the latest of those that have a span behind it. So spans are looked
        at from there on, as long as these are enough sessions.
        """
        bounds = [self.sealed[place].last_start_time_unix_nano for place in _PLACES if place < len(self.sealed)]
        for since in (*bounds, 0):
            places = self._places_since(since, matching, as_of, after, limit)
            if len(places) == limit:
                break
        return places

    def _places_since(
        self, since: int, matching: Condition, as_of: int, after: SessionPlace | None, limit: int
    ) -> dict[str, SessionPlace]:
        behind = [] if after is None else [after.last_start_time_unix_nano, after.position.number]
        rows = self.cursor.execute(
            f"""
            SELECT session_id, max(start_time_unix_nano) AS last, max(seq) AS latest FROM {self.spans}
            WHERE session_id IS NOT NULL AND length(session_id) <= {MOST_ID:d}
                AND start_time_unix_nano >= {since:d} AND seq < {as_of:d} AND {matching.text}
            GROUP BY session_id {"HAVING (last, latest) < (?::UBIGINT, ?::UBIGINT)" if behind else ""}
            ORDER BY last DESC, latest DESC LIMIT {limit:d}
            """,  # noqa: S608 - own names and numbers, see ``sql``
            [*matching.parameters, *behind],
        ).fetchall()
        return {
            session_id: SessionPlace(as_of=Position(as_of), last_start_time_unix_nano=last, position=Position(latest))
            for session_id, last, latest in rows
        }

    def _near(self, ids: list[str], as_of: int) -> _Near:
        """Looked for in the segments that have the traces, when these are few. Inside of a transaction."""
        said = (
            f"SELECT DISTINCT trace_id FROM {self.spans} "  # noqa: S608 - own names, a number
            f"WHERE session_id IN ({', '.join('?' * len(ids))}) AND seq < {as_of:d}"
        )
        traces = [trace_id for (trace_id,) in self.cursor.execute(f"{said} LIMIT {_FEW + 1:d}", ids).fetchall()]
        if len(traces) > _FEW:
            return _Near(f"trace_id IN ({said}) AND seq < {as_of:d}", [*ids])
        rows = self.cursor.execute(
            f"SELECT DISTINCT segment FROM trace_part WHERE trace_number IN ({trace_numbers(traces)})"  # noqa: S608 - numbers
        ).fetchall()
        segments = ", ".join(str(number) for number in (IN_MEMORY, *(segment for (segment,) in rows)))
        where = f"segment IN ({segments}) AND trace_id IN (SELECT unnest(?::VARCHAR[])) AND seq < {as_of:d}"
        return _Near(where, [traces])

    def _sessions(self, ids: list[str], near: _Near, matching: Condition) -> dict[str, Session]:
        """Those of the sessions that have a trace of their own which matches."""
        own = f"turn AS (SELECT * FROM ({_TRACES}) WHERE said IN (SELECT unnest(?::VARCHAR[])))"  # noqa: S608 - own names
        wanted = f"said IN (SELECT said FROM turn WHERE {matching.text})"  # noqa: S608 - see ``sql``
        rows = self.cursor.execute(
            f"WITH {self._table(near)}, {own} {_SESSIONS} HAVING {wanted}",
            [*near.parameters, ids, *matching.parameters],
        ).fetchall()
        return {row[0]: _session(row) for row in rows}

    def _turns(self, request: GetSession, near: _Near, as_of: int) -> list[TurnPlace]:
        after = request.after
        behind = [] if after is None else [after.start_time_unix_nano, after.trace_id]
        rows = self.cursor.execute(
            f"""
            WITH {self._table(near)}, turn AS ({_TRACES})
            SELECT start, trace_id FROM turn
            WHERE said = ? {"AND (start, trace_id) > (?::UBIGINT, ?)" if behind else ""}
            ORDER BY start, trace_id LIMIT {request.limit + 1:d}
            """,  # noqa: S608 - own names and numbers
            [*near.parameters, request.session_id, *behind],
        ).fetchall()
        return [
            TurnPlace(as_of=Position(as_of), start_time_unix_nano=start, trace_id=trace_id) for start, trace_id in rows
        ]

    def _table(self, near: _Near) -> str:
        return f"near_span AS MATERIALIZED (SELECT {_READ} FROM {self.spans} WHERE {near.text})"  # noqa: S608 - own names


def _session(row: Sequence[Any]) -> Session:
    session_id, user_id, services, traces, start, end, cost, unpriced, errors, first, *tokens = row
    return Session(
        session_id=session_id,
        user_id=user_id,
        services=tuple(services),
        traces=traces,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        tokens=_tokens(tokens),
        cost_usd=cost,
        unpriced=unpriced,
        error_count=errors,
        first_trace_id=first["trace_id"],
        first_root_span_id=first["span_id"],
    )


def _tokens(sums: Sequence[Any]) -> Tokens | None:
    if all(each is None for each in sums):
        return None
    whole = [None if each is None else int(each) for each in sums]
    return Tokens(**dict(zip(("input", "output", "cache_read", "cache_write", "reasoning"), whole, strict=True)))


def _demand_room(sessions: Sequence[Session], room: int | None) -> None:
    size = sum(_SESSION_BYTES + sum(map(len, _texts(session))) for session in sessions)
    if room is not None and size > room:
        raise NeedsRoom(size)


def _texts(session: Session) -> Iterator[str]:
    yield from (session.session_id, session.user_id or "", *session.services)

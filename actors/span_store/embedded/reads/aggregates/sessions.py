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
from actors.span_store.embedded.reads.aggregates.matching import EVERY_TRACE
from actors.span_store.query.position import Position
from actors.span_store.query.sql import Condition
from actors.span_store.traces.summary import MOST_LISTED, Tokens

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
class Sessions:
    """Answers of the spans of a relation, as ``SpanTable.relation`` has it; ``next_seq`` comes behind all of them."""

    cursor: duckdb.DuckDBPyConnection
    spans: str
    next_seq: int

    def page(self, request: ListSessions, matching: Condition) -> SessionPage:
        """``matching`` is a condition on ``trace_id``: a span of the trace is one that is asked for."""
        as_of = self.next_seq if request.after is None else request.after.as_of.number
        found: list[tuple[Session, SessionPlace]] = []
        after = request.after
        while len(found) <= request.limit:
            size = request.limit + 1 - len(found)
            places = self._places(matching, as_of, after, size)
            known = self._sessions(list(places), as_of, matching)
            found += [(known[session_id], place) for session_id, place in places.items() if session_id in known]
            if len(places) < size:
                break
            after = list(places.values())[-1]
        page = found[: request.limit]
        _demand_room([session for session, _ in page], request.room)
        return SessionPage(
            sessions=tuple(session for session, _ in page), next=page[-1][1] if len(found) > len(page) else None
        )

    def outline(self, request: GetSession) -> SessionOutline | None:
        """One session and a page of its turns; ``None`` when no trace belongs to it."""
        as_of = self.next_seq if request.after is None else request.after.as_of.number
        session = self._sessions([request.session_id], as_of, EVERY_TRACE).get(request.session_id)
        if session is None:
            return None
        found = self._turns(request, as_of)
        page = tuple(found[: request.limit])
        return SessionOutline(session=session, turns=page, next=page[-1] if len(found) > len(page) else None)

    def _places(
        self, matching: Condition, as_of: int, after: SessionPlace | None, limit: int
    ) -> dict[str, SessionPlace]:
        """Sessions that spans say, latest first: more than there are, where a root says another one."""
        behind = [] if after is None else [after.last_start_time_unix_nano, after.position.number]
        rows = self.cursor.execute(
            f"""
            SELECT session_id, max(start_time_unix_nano) AS last, max(seq) AS latest FROM {self.spans}
            WHERE session_id IS NOT NULL AND length(session_id) <= {MOST_ID:d} AND seq < {as_of:d} AND {matching.text}
            GROUP BY session_id {"HAVING (last, latest) < (?::UBIGINT, ?::UBIGINT)" if behind else ""}
            ORDER BY last DESC, latest DESC LIMIT {limit:d}
            """,  # noqa: S608 - own names and numbers, see ``sql``
            [*matching.parameters, *behind],
        ).fetchall()
        return {
            session_id: SessionPlace(as_of=Position(as_of), last_start_time_unix_nano=last, position=Position(latest))
            for session_id, last, latest in rows
        }

    def _sessions(self, ids: list[str], as_of: int, matching: Condition) -> dict[str, Session]:
        """Those of the sessions that have a trace of their own which matches."""
        own = f"turn AS (SELECT * FROM ({_TRACES}) WHERE said IN (SELECT unnest(?::VARCHAR[])))"  # noqa: S608 - own names
        wanted = f"said IN (SELECT said FROM turn WHERE {matching.text})"  # noqa: S608 - see ``sql``
        rows = self.cursor.execute(
            f"WITH {self._some(as_of)}, {own} {_SESSIONS} HAVING {wanted}",
            [ids, ids, *matching.parameters],
        ).fetchall()
        return {row[0]: _session(row) for row in rows}

    def _turns(self, request: GetSession, as_of: int) -> list[TurnPlace]:
        after = request.after
        behind = [] if after is None else [after.start_time_unix_nano, after.trace_id]
        rows = self.cursor.execute(
            f"""
            WITH {self._some(as_of)}, turn AS ({_TRACES})
            SELECT start, trace_id FROM turn
            WHERE said = ? {"AND (start, trace_id) > (?::UBIGINT, ?)" if behind else ""}
            ORDER BY start, trace_id LIMIT {request.limit + 1:d}
            """,  # noqa: S608 - own names and numbers
            [[request.session_id], request.session_id, *behind],
        ).fetchall()
        return [
            TurnPlace(as_of=Position(as_of), start_time_unix_nano=start, trace_id=trace_id) for start, trace_id in rows
        ]

    def _some(self, as_of: int) -> str:
        """All spans of the traces in which one says one of some sessions, the first parameter."""
        return f"""
            near_trace AS (
                SELECT DISTINCT trace_id FROM {self.spans}
                WHERE session_id IN (SELECT unnest(?::VARCHAR[])) AND seq < {as_of:d}
            ),
            near_span AS MATERIALIZED (
                SELECT {_READ} FROM {self.spans} WHERE trace_id IN (SELECT trace_id FROM near_trace) AND seq < {as_of:d}
            )
        """  # noqa: S608 - own names and numbers


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

"""Sessions of spans in a list, in plain Python: by the summaries of their traces."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum

import attrs
import pyarrow as pa

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
from actors.span_store.query.position import Position
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.summaries import in_order, trace_summary
from actors.span_store.traces.summary import MOST_LISTED, Tokens, TraceSummary


@attrs.frozen
class Told:
    """A span: its row, and whether it is one that is looked for."""

    seq: int
    row: pa.Table
    fits: bool = True

    def __getitem__(self, column: str) -> str | int | None:
        value: str | int | None = self.row[column][0].as_py()
        return value


def session_page(spans: Iterable[Told], next_seq: int, request: ListSessions) -> SessionPage:
    as_of = next_seq if request.after is None else request.after.as_of.number
    known = [span for span in spans if span.seq < as_of]
    looked_for = {span["trace_id"] for span in known if span.fits}
    turns = by_session(known)
    matching = {name for name, own in turns.items() if any(turn.trace_id in looked_for for turn in own)}
    said: defaultdict[str, list[Told]] = defaultdict(list)
    for span in known:
        session_id = span["session_id"]
        if isinstance(session_id, str) and len(session_id) <= MOST_ID and span["trace_id"] in looked_for:
            said[session_id].append(span)
    places = sorted(((place_of(said[name], as_of), name) for name in said if name in matching), key=order)
    behind = [each for each in places if request.after is None or order(each) > order((request.after, ""))]
    page = behind[: request.limit]
    return SessionPage(
        sessions=tuple(session_of(turns[name]) for _, name in page),
        next=page[-1][0] if len(behind) > len(page) else None,
    )


def session_outline(spans: Iterable[Told], next_seq: int, request: GetSession) -> SessionOutline | None:
    as_of = next_seq if request.after is None else request.after.as_of.number
    turns = by_session(span for span in spans if span.seq < as_of).get(request.session_id)
    if turns is None:
        return None
    places = [
        TurnPlace(as_of=Position(as_of), start_time_unix_nano=turn.start_time_unix_nano, trace_id=turn.trace_id)
        for turn in turns
    ]
    after = request.after
    behind = [
        place
        for place in places
        if after is None or (place.start_time_unix_nano, place.trace_id) > (after.start_time_unix_nano, after.trace_id)
    ]
    page = tuple(behind[: request.limit])
    return SessionOutline(session=session_of(turns), turns=page, next=page[-1] if len(behind) > len(page) else None)


def order(place: tuple[SessionPlace, str]) -> tuple[int, int]:
    return -place[0].last_start_time_unix_nano, -place[0].position.number


def place_of(said: Sequence[Told], as_of: int) -> SessionPlace:
    starts = [span["start_time_unix_nano"] for span in said]
    return SessionPlace(
        as_of=Position(as_of),
        last_start_time_unix_nano=max(start for start in starts if isinstance(start, int)),
        position=Position(max(span.seq for span in said)),
    )


def by_session(spans: Iterable[Told]) -> dict[str, list[TraceSummary]]:
    """The turns of each session, oldest first."""
    traces: defaultdict[str | int | None, list[pa.Table]] = defaultdict(list)
    for span in spans:
        traces[span["trace_id"]].append(span.row)
    turns = [summary_of(in_order(pa.concat_tables(rows))) for rows in traces.values()]
    found: defaultdict[str, list[TraceSummary]] = defaultdict(list)
    for turn in sorted(turns, key=lambda turn: (turn.start_time_unix_nano, turn.trace_id)):
        if turn.session_id is not None:
            found[turn.session_id].append(turn)
    return found


def summary_of(spans: pa.Table) -> TraceSummary:
    return trace_summary(spans, Calls.of(spans).counted(), {})


def session_of(turns: Sequence[TraceSummary]) -> Session:
    first = turns[0]
    ends = [turn.end_time_unix_nano for turn in turns if turn.end_time_unix_nano is not None]
    costs = [turn.cost_usd for turn in turns if turn.cost_usd is not None]
    return Session(
        session_id=first.session_id or "",
        user_id=next((turn.user_id for turn in turns if turn.user_id is not None), None),
        services=tuple(sorted({name for turn in turns for name in turn.services})[:MOST_LISTED]),
        traces=len(turns),
        start_time_unix_nano=first.start_time_unix_nano,
        end_time_unix_nano=max(ends, default=None),
        tokens=tokens_of([turn.tokens for turn in turns if turn.tokens is not None]),
        cost_usd=fsum(costs) if costs else None,
        unpriced=sum(turn.unpriced for turn in turns),
        error_count=sum(turn.error_count for turn in turns),
        first_trace_id=first.trace_id,
        first_root_span_id=None if first.root is None else first.root.span_id,
    )


def tokens_of(sums: Sequence[Tokens]) -> Tokens | None:
    if not sums:
        return None
    return Tokens(**{name: total([getattr(each, name) for each in sums]) for name in attrs.fields_dict(Tokens)})


def total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

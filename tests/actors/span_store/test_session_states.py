"""Sessions are the same wherever their spans are, page by page, also while spans come in and move on."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.asked.sessions import GetSession, ListSessions, Session, SessionOutline, SessionPage
from actors.span_store.columns.rows import numbered
from actors.span_store.columns.spans import Span
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads.aggregates import sessions
from actors.span_store.embedded.reads.many_spans import ManySpansReader
from actors.span_store.query.expression import EVERYTHING, Attribute, Equals, Expression, equal
from tests.actors.span_store.conformance.session_list import Told, session_outline, session_page
from tests.actors.span_store.plain_counting import filter_among
from tests.actors.span_store.states import IN_MEMORY, STATES, Store, mixed_rows
from tests.spans import START, span

pytestmark = pytest.mark.integration

WHERES: list[Expression] = [EVERYTHING, equal(service_name="shop"), Equals(Attribute("plan"), "pro")]
PARTS = st.fixed_dictionaries(
    {
        "trace_id": st.integers(1, 6),
        "parent": st.sampled_from([None, None, 1]),
        "start": st.integers(START, START + 9),
        "service": st.sampled_from(["shop", "other"]),
        "session": st.sampled_from([None, "a", "b", "c", "d"]),
        "plan": st.sampled_from([None, "pro"]),
        "status_code": st.sampled_from([1, 2]),
    }
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples, in which few of anything are many."""
    store = Store(tmp_path_factory.mktemp("sessions"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        patch.setattr(sessions, "_FEW", 2)
        patch.setattr(sessions, "_PLACES", (1, 2))
        yield store
    store.connection.close()


def never() -> bool:
    """Nobody leaves."""
    return False


def spans_of(parts: Sequence[dict[str, Any]]) -> list[Span]:
    """With ids from 1 on."""
    made = []
    for number, part in enumerate(parts, 1):
        said = {"session.id": part["session"], "plan": part["plan"]}
        others = {name: value for name, value in part.items() if name not in ("session", "plan")}
        attributes = {key: value for key, value in said.items() if value is not None}
        made.append(span(number, attributes=attributes, **others))
    return made


def told(spans: Sequence[Span], where: Expression) -> list[Told]:
    rows = pa.Table.from_batches([numbered(mixed_rows(spans), 0)])
    fits = filter_among(where, rows).mask(rows).to_pylist()
    return [Told(number, rows.slice(number, 1), bool(fits[number])) for number in range(rows.num_rows)]


def put(store: Store, states: Sequence[int], spans: Sequence[Span]) -> None:
    """Spread over the states, in order."""
    store.clear()
    size = -(-len(spans) // len(states))
    for place, state in enumerate(states):
        some = spans[place * size : (place + 1) * size]
        if some:
            store.put(state, some, place * size, with_ngrams=True)


def pages(reader: ManySpansReader, where: Expression, limit: int) -> list[Session]:
    found: list[Session] = []
    request = ListSessions(where=where, limit=limit)
    while True:
        page: SessionPage = reader.sessions(request, never)
        assert len(page.sessions) <= limit
        found += page.sessions
        if page.next is None:
            return found
        request = attrs.evolve(request, after=page.next)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    st.lists(PARTS, min_size=1, max_size=12),
    st.sampled_from(STATES),
    st.sampled_from(WHERES),
    st.sampled_from([1, 2, 50]),
)
def test_sessions_are_what_plain_python_says(
    store: Store, parts: list[dict[str, Any]], states: list[int], where: Expression, limit: int
) -> None:
    spans = spans_of(parts)
    put(store, states, spans)
    reader, plain = store.reader(len(spans)), told(spans, where)
    expected = session_page(plain, len(spans), ListSessions(where=where))
    assert pages(reader, where, limit) == list(expected.sessions)
    for session_id in "abcd":
        request = GetSession(session_id=session_id)
        assert reader.session(request) == session_outline(plain, len(spans), request)
    store.forget()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    st.lists(PARTS, min_size=2, max_size=12),
    st.data(),
    st.sampled_from(STATES),
)
def test_pages_are_of_what_had_arrived_before_the_first_one(
    store: Store, parts: list[dict[str, Any]], data: st.DataObject, states: list[int]
) -> None:
    spans = spans_of(parts)
    before = spans[: data.draw(st.integers(1, len(spans)))]
    put(store, [IN_MEMORY], before)
    everything = store.reader(len(before)).sessions(ListSessions(), never)
    first = store.reader(len(before)).sessions(ListSessions(limit=1), never)
    outline: SessionOutline | None = None
    if first.sessions:
        outline = store.reader(len(before)).session(GetSession(session_id=first.sessions[0].session_id, limit=1))
    store.forget()
    put(store, states, spans)
    reader = store.reader(len(spans))
    rest = [] if first.next is None else reader.sessions(ListSessions(after=first.next), never).sessions
    assert [*first.sessions, *rest] == list(everything.sessions)
    if outline is not None and outline.next is not None:
        others = reader.session(GetSession(session_id=outline.session.session_id, after=outline.next))
        assert others is not None
        assert len({turn.trace_id for turn in (*outline.turns, *others.turns)}) == outline.session.traces
    store.forget()

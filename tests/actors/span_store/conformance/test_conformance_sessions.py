"""Any engine: sessions are what their traces say, each once, latest first, also while spans come in."""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from actors.span_store.asked.sessions import GetSession, ListSessions, Session
from actors.span_store.asked.stored_traces import FindStoredTraces
from actors.span_store.columns.spans import Span
from actors.span_store.query.expression import And, Attribute, Contains, Equals, Promoted, Text, equal, started_between
from actors.span_store.storage import Scope, SpanStorage
from actors.span_store.traces.summary import Tokens
from tests.actors.span_store.conformance.steps import span_id, trace_id, write, write_logs
from tests.spans import START, log, span

pytestmark = pytest.mark.integration


def said(session: str | None, number: int, trace: int, *, by: str | None = None, **others: Any) -> Span:
    """A span that says its session; those with higher numbers start later."""
    given = {"session.id": session, "user.id": by} | others.pop("attributes", {})
    attributes = {key: value for key, value in given.items() if value is not None}
    return span(number, trace_id=trace, start=START + number, attributes=attributes, **others)


def call(session: str | None, number: int, trace: int, cost: float | None, **others: Any) -> Span:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "none of the table",
        "gen_ai.usage.input_tokens": 10 * number,
        "gen_ai.usage.cost": cost,
    }
    return said(session, number, trace, attributes=attributes, **others)


async def pages(storage: SpanStorage, request: ListSessions) -> list[list[str]]:
    found = []
    while True:
        page = await storage.sessions(request)
        found.append([each.session_id for each in page.sessions])
        if page.next is None:
            return found
        request = attrs.evolve(request, after=page.next)


async def ids(storage: SpanStorage, **members: Any) -> list[str]:
    return [each for page in await pages(storage, ListSessions(**members)) for each in page]


async def turns(storage: SpanStorage, session_id: str, limit: int = 50) -> list[str]:
    """The traces of a session."""
    request, found = GetSession(session_id=session_id, limit=limit), list[str]()
    while True:
        outline = await storage.session(request)
        assert outline is not None
        assert len(outline.turns) <= limit
        found += [turn.trace_id for turn in outline.turns]
        if outline.next is None:
            return found
        request = attrs.evolve(request, after=outline.next)


async def test_a_session_sums_what_all_its_spans_say(storage: SpanStorage) -> None:
    await write(storage, call(None, 3, 1, 0.25, parent=1), said("a", 1, 1, by="ada", service="shop"))
    await write(storage, said("a", 4, 2, by="bob"), call("a", 5, 2, None, parent=4, status_code=2))
    await write(storage, said("b", 6, 3), said(None, 7, 4))
    expected = Session(
        session_id="a",
        user_id="ada",
        services=("shop", "tests"),
        traces=2,
        start_time_unix_nano=START + 1,
        end_time_unix_nano=START + 1005,
        tokens=Tokens(input=80, output=None, cache_read=None, cache_write=None, reasoning=None),
        cost_usd=0.25,
        unpriced=1,
        error_count=1,
        first_trace_id=trace_id(1),
        first_root_span_id=span_id(1),
    )
    page = await storage.sessions(ListSessions())
    assert [each.session_id for each in page.sessions] == ["b", "a"]
    assert page.sessions[1] == expected
    assert page.next is None
    outline = await storage.session(GetSession(session_id="a"))
    assert outline is not None
    assert outline.session == expected
    assert [turn.trace_id for turn in outline.turns] == [trace_id(1), trace_id(2)]
    assert await storage.session(GetSession(session_id="c")) is None


async def test_a_trace_belongs_to_the_session_of_its_root_else_to_the_first(storage: SpanStorage) -> None:
    await write(storage, said("child", 2, 1, parent=1), said("root", 1, 1))
    await write(storage, said(None, 3, 2), said("later", 5, 2, parent=3), said("first", 4, 2, parent=3))
    await write(storage, said("second root", 8, 3), said(None, 6, 3), said("earliest", 7, 3, parent=6))
    assert await ids(storage) == ["earliest", "first", "root"]
    assert await turns(storage, "root") == [trace_id(1)]
    assert await storage.session(GetSession(session_id="child")) is None


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_pages_have_each_session_once_the_latest_first(storage: SpanStorage, limit: int) -> None:
    for number, session in enumerate("abcdabceff", 1):
        await write(storage, said(session, number, number))
    await write(storage, said("other root", 20, 20), said("b", 30, 20, parent=20))
    found = await pages(storage, ListSessions(limit=limit))
    assert [each for page in found for each in page] == ["b", "other root", "f", "e", "c", "a", "d"]
    assert all(len(page) == limit for page in found[:-1])


async def test_what_comes_in_between_two_pages_repeats_and_leaves_out_nothing(storage: SpanStorage) -> None:
    for number, session in enumerate("abcd", 1):
        await write(storage, said(session, number, number))
    first = await storage.sessions(ListSessions(limit=2))
    await write(storage, said("a", 20, 20), said("d", 21, 21), said("new", 22, 22))
    second = await storage.sessions(ListSessions(limit=2, after=first.next))
    assert [each.session_id for each in (*first.sessions, *second.sessions)] == ["d", "c", "b", "a"]
    assert second.next is None
    assert await ids(storage) == ["new", "d", "a", "c", "b"]


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_turns_have_each_trace_once_oldest_first(storage: SpanStorage, limit: int) -> None:
    for number, trace in enumerate((5, 4, 4, 9, 1), 2):
        await write(storage, said("a", number, trace))
    await write(storage, said("a", 1, 3))
    assert await turns(storage, "a", limit) == [trace_id(each) for each in (3, 5, 4, 9, 1)]


async def test_a_turn_that_comes_in_between_two_pages_moves_none(storage: SpanStorage) -> None:
    for number in (2, 3, 4):
        await write(storage, said("a", number, number))
    first = await storage.session(GetSession(session_id="a", limit=2))
    assert first is not None
    await write(storage, said("a", 1, 4), said("a", 5, 5))
    second = await storage.session(GetSession(session_id="a", after=first.next))
    assert second is not None
    assert [turn.trace_id for turn in (*first.turns, *second.turns)] == [trace_id(each) for each in (2, 3, 4)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Equals(Promoted("status_code"), 2), []),
        (equal(name="span 2"), ["a"]),
        (equal(service_name="shop"), ["b"]),
        (And([started_between(START + 2, START + 4)]), ["b", "a"]),
        (Equals(Attribute("plan"), "pro"), ["c", "a"]),
        (Contains(Text(), "needle"), ["b"]),
        (And([Equals(Attribute("plan"), "pro"), equal(name="span 6")]), ["c"]),
        (equal(name="span 7"), []),
    ],
    ids=str,
)
async def test_a_session_is_found_by_any_span_of_its_traces(
    storage: SpanStorage, where: Any, found: Sequence[str]
) -> None:
    pro = {"plan": "pro"}
    await write(storage, said("a", 1, 1), said(None, 2, 1, parent=1, attributes=pro))
    await write(storage, said("b", 3, 2, service="shop"), said(None, 4, 2, parent=3, attributes={"said": "a needle"}))
    await write(storage, said("c", 5, 3), said("x", 6, 3, parent=5, attributes=pro))
    await write(storage, said(None, 7, 4), said("x", 8, 5))
    assert await ids(storage, where=where) == found
    assert await ids(storage, where=where, limit=1) == found


async def test_a_session_is_gone_with_its_spans(storage: SpanStorage) -> None:
    await write(storage, said("a", 1, 1), said("a", 2, 2), said("b", 3, 3))
    await storage.delete(Scope("trace_id", trace_id(1)))
    assert await turns(storage, "a") == [trace_id(2)]
    await storage.delete(Scope("trace_id", trace_id(2)))
    assert await ids(storage) == ["b"]
    assert await storage.session(GetSession(session_id="a")) is None


@pytest.mark.security
async def test_any_text_is_a_session(storage: SpanStorage) -> None:
    odd = ["'; DROP TABLE span; --", "a/b?c%2F", "\x00", "🙂 東京", "?", "x" * 1000]
    for number, session in enumerate([*odd, "y" * 1001], 1):
        await write(storage, said(session, number, number, by=session))
    assert await ids(storage) == odd[::-1]
    for number, session in enumerate(odd, 1):
        assert await turns(storage, session) == [trace_id(number)]


async def test_stored_traces_are_those_with_a_span(storage: SpanStorage) -> None:
    await write(storage, said("a", 1, 1), span(2, trace_id=2))
    await write_logs(storage, log(trace_id=3))
    asked = (*map(trace_id, (1, 2, 3, 4)), "none")
    assert await storage.stored_traces(FindStoredTraces(trace_ids=asked)) == {trace_id(1), trace_id(2)}
    await storage.delete(Scope("trace_id", trace_id(1)))
    assert await storage.stored_traces(FindStoredTraces(trace_ids=asked)) == {trace_id(2)}

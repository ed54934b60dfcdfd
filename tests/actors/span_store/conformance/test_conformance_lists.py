"""Any engine: lists of traces and of spans."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import pytest_asyncio

from actors.span_store.asked.lists import ListSpans, ListTraces, Place, Sort
from actors.span_store.columns.spans import Span
from actors.span_store.query.expression import (
    EVERYTHING,
    And,
    Attribute,
    Equals,
    Expression,
    IsNull,
    Not,
    Promoted,
    equal,
)
from actors.span_store.storage import SpanStorage
from tests.actors.span_store.conformance.conftest import Engine
from tests.actors.span_store.conformance.list_storage import ListStorage
from tests.actors.span_store.conformance.steps import all_spans, all_traces, trace_id, write, write_logs
from tests.spans import START, log, span

pytestmark = pytest.mark.integration

SORTS = list(Sort)
AGENT = {"openinference.span.kind": "AGENT"}
CALL = {"openinference.span.kind": "LLM", "llm.model_name": "m"}


def traces() -> list[list[Span]]:
    """Requests, in which the spans of a trace come late, out of order and without a root."""
    tokens = {"llm.token_count.prompt": 7, "llm.token_count.completion": 2, "gen_ai.usage.cost": 0.25}
    said = {"input.value": "asked", "output.value": "answered", "session.id": "s"}
    return [
        [span(2, trace_id=1, parent=1, start=START + 20, attributes=CALL | tokens, status_code=2)],
        [span(1, trace_id=2, start=START + 5, service="other", end_time_unix_nano=0), span(1, trace_id=3, start=START)],
        [span(1, trace_id=1, start=START + 10, attributes=AGENT | said, status_message="well")],
        [span(3, trace_id=4, parent=9, start=START + 5, service="other", attributes={"tool.name": "t", "n": 1})],
        [span(9, trace_id=4, parent=8, start=START + 90, attributes=CALL | {"llm.token_count.prompt": 100})],
        [span(2, trace_id=3, parent=1, start=START - 7, attributes={"n": 1, "agent.name": "a"}, status_code=2)],
        [span(1, trace_id=5, start=START + 10, end_time_unix_nano=START), span(2, trace_id=5, start=START + 10)],
    ]


WHERE: list[Expression] = [
    EVERYTHING,
    equal(service_name="other"),
    And([equal(model="m"), Equals(Promoted("status_code"), 2)]),
    Equals(Attribute("n"), 1),
    And([Equals(Attribute("n"), 1), Not(IsNull(Promoted("agent")))]),
    Not(Equals(Attribute("n"), 1)),
    Equals(Promoted("status_message"), "well"),
    equal(service_name="none"),
]


async def stored(storage: SpanStorage) -> None:
    for spans in traces():
        await write(storage, *spans)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SpanStorage]:
    """For tests that only read."""
    storage = await engine.open(tmp_path_factory.mktemp("lists"))
    await stored(storage)
    yield storage
    await storage.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain() -> ListStorage:
    """The same in a list."""
    storage = ListStorage()
    await stored(storage)
    return storage


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_pages_have_each_trace_and_each_span_once_in_order(
    filled: SpanStorage, plain: ListStorage, sort: Sort, limit: int
) -> None:
    for where in WHERE if limit == 2 else WHERE[:4]:
        asked = ListTraces(where=where, sort=sort, limit=limit)
        assert await all_traces(filled, asked) == await all_traces(plain, asked), where
        of_spans = ListSpans(where=where, sort=sort, limit=limit)
        assert await all_spans(filled, of_spans) == await all_spans(plain, of_spans), where


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("sort", SORTS)
async def test_times_bound_the_beginning_of_traces_and_spans(
    filled: SpanStorage, plain: ListStorage, sort: Sort
) -> None:
    for first, end in [
        (None, START + 5),
        (START + 5, START + 10),
        (START + 6, None),
        (START + 9, START + 9),
        (0, 2**64),
    ]:
        times: dict[str, Any] = {"from_time_unix_nano": first, "to_time_unix_nano": end}
        for where in (EVERYTHING, equal(service_name="other"), Equals(Attribute("n"), 1)):
            asked = ListTraces(where=where, sort=sort, **times)
            assert await all_traces(filled, asked) == await all_traces(plain, asked)
            of_spans = ListSpans(where=where, sort=sort, **times)
            assert await all_spans(filled, of_spans) == await all_spans(plain, of_spans)


async def test_every_trace_is_listed_with_or_without_a_root_by_its_earliest_span(storage: SpanStorage) -> None:
    await stored(storage)
    found = await all_traces(storage, ListTraces())
    assert [each.trace_id for each in found] == [trace_id(number) for number in (1, 5, 2, 4, 3)]
    assert [(each.root is not None, each.complete) for each in found] == [
        (True, True),
        (True, True),
        (True, False),
        (False, False),
        (True, True),
    ]
    assert (found[3].name, found[3].service) == ("span 3", "other")
    assert (found[0].input_preview, found[0].session_id, found[0].status) == ("asked", "s", "error")


async def test_a_service_and_a_filter_are_of_one_span(storage: SpanStorage) -> None:
    await write(storage, span(1, attributes={"n": 1}), span(2, parent=1, service="other"))
    asked = ListTraces(service_name="other", where=Equals(Attribute("n"), 1))
    assert not (await storage.list_traces(asked)).traces
    assert len((await storage.list_traces(attrs.evolve(asked, service_name="tests"))).traces) == 1


async def test_log_records_are_in_no_list(storage: SpanStorage) -> None:
    await write(storage, span(1, start=START + 50))
    await write_logs(storage, log(1), log(2, trace_id=2))
    [trace] = await all_traces(storage, ListTraces())
    assert (trace.start_time_unix_nano, trace.span_count) == (START + 50, 1)
    assert len(await all_spans(storage, ListSpans())) == 1


async def test_a_place_that_nobody_gave_is_one(storage: SpanStorage) -> None:
    await stored(storage)
    for sort in SORTS:
        for value in (None, -1, 0, 10**37, -(10**37)):
            after = Place(value=value, trace_id="x", span_id="y")
            await storage.list_traces(ListTraces(after=after, sort=sort))
            await storage.list_spans(ListSpans(after=after, sort=sort))

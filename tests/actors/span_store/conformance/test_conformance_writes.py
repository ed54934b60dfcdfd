"""Any engine: what is written is stored once, whatever is sent again, and by however many at once."""

import asyncio
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from actors.errors import Unavailable
from actors.span_store.columns.rows import span_rows
from actors.span_store.messages import GetSpan, GetTraceSpans, IngestSummary
from actors.span_store.storage import Scope, SpanStorage
from tests.actors.span_store.conformance.conftest import Engine
from tests.actors.span_store.conformance.steps import NOW, names, span_id, trace_id, write
from tests.spans import span

pytestmark = pytest.mark.integration


async def test_what_is_written_is_found_at_once(storage: SpanStorage) -> None:
    assert await write(storage, span(1), span(2, parent=1)) == IngestSummary(stored=2, duplicates=0)
    assert await names(storage) == ["span 1", "span 2"]
    assert await storage.services() == ("tests",)


async def test_nothing_is_written_of_nothing(storage: SpanStorage) -> None:
    committed = await storage.write([span_rows([])])
    assert (committed.stored, committed.trace_ids) == (0, frozenset())
    assert await storage.services() == ()


async def test_a_batch_has_an_outcome_for_each_request_and_counts_a_span_once(storage: SpanStorage) -> None:
    first = span_rows([span(1), span(2), span(1, name="again in the same request")])
    second = span_rows([span(2, name="again in the same batch"), span(1, trace_id=2)])
    committed = await storage.write([first, second])
    assert committed.outcomes == (
        IngestSummary(stored=2, duplicates=1),
        IngestSummary(stored=1, duplicates=1),
    )
    assert committed.stored == 3
    assert committed.trace_ids == {trace_id(1), trace_id(2)}
    assert await names(storage) == ["span 1", "span 1", "span 2"]


async def test_the_first_version_of_a_span_that_is_sent_again_is_kept(storage: SpanStorage) -> None:
    await write(storage, span(1, name="first"))
    assert await write(storage, span(1, name="second"), span(2)) == IngestSummary(stored=1, duplicates=1)
    kept = await storage.span(GetSpan(trace_id=trace_id(1), span_id=span_id(1)))
    assert kept is not None
    assert kept.name == "first"


async def test_many_writers_readers_and_deletions_at_once(storage: SpanStorage) -> None:
    """Each trace is sent by three at once; more ask for it than an engine has threads."""
    traces = range(1, 21)
    sent = [write(storage, span(1, trace_id=each), span(2, trace_id=each)) for each in traces for _ in range(3)]
    outcomes = await asyncio.gather(*sent)
    assert sum(outcome.stored for outcome in outcomes) == 2 * len(traces)
    assert sum(outcome.duplicates for outcome in outcomes) == 4 * len(traces)
    reads = [storage.trace(GetTraceSpans(trace_id=trace_id(each))) for each in traces]
    deletions = [storage.delete(Scope("trace_id", trace_id(each))) for each in (100, 101)]
    found, deleted = await asyncio.gather(asyncio.gather(*reads), asyncio.gather(*deletions))
    assert [len(spans) for spans in found] == [2] * len(traces)
    assert deleted == [0, 0]


async def test_a_reader_who_leaves_disturbs_nobody(storage: SpanStorage) -> None:
    await write(storage, span(1))
    asked = [asyncio.create_task(storage.trace(GetTraceSpans(trace_id=trace_id(1)))) for _ in range(30)]
    await asyncio.sleep(0)
    for task in asked[::2]:
        task.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) or len(answer) == 1 for answer in answers)  # type: ignore[arg-type] # spans
    assert not any(isinstance(answer, asyncio.CancelledError) for answer in answers[1::2])
    assert await names(storage) == ["span 1"]


async def test_the_state_says_that_it_is_open_and_how_much_there_is(storage: SpanStorage) -> None:
    await write(storage, *(span(number, start=NOW) for number in range(1, 4)))
    state = storage.state()
    assert state.is_open
    assert state.problems == ()
    assert state.recent_spans + state.sealed_spans >= 3  # both for a moment, while they become a segment


async def test_an_engine_keeps_what_it_says_it_keeps(engine: Engine, tmp_path: Path) -> None:
    storage = await engine.open(tmp_path)
    await write(storage, *(span(number, start=NOW) for number in range(1, 30)))
    await storage.delete(Scope("service_name", "none"))
    await write(storage, span(30, start=NOW))
    before = await names(storage)
    durable = storage.abilities.durable
    await storage.close()
    again = await engine.open(tmp_path)
    assert await names(again) == (before if durable else [])
    if durable:
        assert await write(again, span(30, start=NOW)) == IngestSummary(stored=0, duplicates=1)
    await again.close()


async def test_an_engine_backs_up_or_says_that_it_cannot(storage: SpanStorage, tmp_path: Path) -> None:
    await write(storage, span(1))
    accounts = tmp_path / "junjo.db"
    with closing(sqlite3.connect(accounts)) as connection:
        connection.execute("CREATE TABLE users (id)")
    async with aclosing(storage.back_up(accounts)) as parts:
        if not storage.abilities.backs_up:
            with pytest.raises(Unavailable):
                await anext(parts)
            return
        sizes: dict[str, int] = {}
        async for part in parts:
            assert part.offset == sizes.get(part.name, 0)
            sizes[part.name] = part.offset + len(part.content)
            whole = part.size
        assert sizes[part.name] == whole
    assert any(name.startswith("sqlite/") for name in sizes)

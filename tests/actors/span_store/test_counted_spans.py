"""Which spans count is known of all that are stored: as a look at each whole trace has it, wherever its spans are."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.asked.stats import GetStats
from actors.span_store.columns.rows import ROWS, numbered, rows_of, span_rows
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads import recent_calls
from actors.span_store.embedded.reads.queries import View
from actors.span_store.embedded.reads.recent_calls import RecentCalls
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.storage import Scope, TraceColumns
from tests.actors.span_store.doubled_calls import doubled
from tests.actors.span_store.plain_counting import counted_ids
from tests.actors.span_store.states import COMPACTED, EVICTED, FLUSHED, IN_MEMORY, Store
from tests.spans import START
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
TRACES = [f"{number:032x}" for number in range(1, 5)]
STATES = (COMPACTED, FLUSHED, EVICTED, IN_MEMORY)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("counted"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        yield store
    store.connection.close()


def one_around_the_other() -> tuple[Span, Span]:
    """Two spans of one call, of which the inner one counts."""
    outer, inner = (
        doubled(random.Random(1), number, kind="chat", parent=number - 1 or None, trace=1) for number in (1, 2)
    )
    return outer, inner


def counted_by(store: Store, calls: RecentCalls | None = None) -> set[str]:
    """``calls`` may have decided of fewer spans before."""
    view = View(MemtableSnapshot(store.memtables), store.manifest.segments, store.roots, calls or RecentCalls())
    cursor = store.connection.cursor()
    with SpanTable(cursor, view).relation() as spans:
        rows = cursor.execute(f"SELECT trace_id || span_id FROM {spans} WHERE counted").fetchall()
        others = cursor.execute(f"SELECT trace_id || span_id FROM {spans} WHERE NOT counted").fetchall()
    found = [key for (key,) in rows]
    assert len(found) == len(set(found))
    assert set(found).isdisjoint(key for (key,) in others)
    return set(found)


def truth_of(spans: list[Span]) -> set[str]:
    rows = pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)])
    return truth_in(rows)


def truth_in(rows: pa.Table) -> set[str]:
    traces: Untold = rows["trace_id"].unique()
    parts = ((trace, rows.filter(pc.equal(rows["trace_id"], trace))) for trace in traces)
    return {f"{trace}{span_id}" for trace, part in parts for span_id in counted_ids(part)}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(st.randoms(use_true_random=False), st.booleans(), st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_what_counts_is_the_same_wherever_the_parts_of_a_trace_are(
    store: Store, draw: random.Random, begins_compacted: bool, states: list[int]
) -> None:
    """Memory is asked after each part that it gets, and then decides again only of traces of which it has more."""
    store.clear()
    spans: list[Span] = []
    numbers, calls = count(1), RecentCalls()
    for state in [COMPACTED] * begins_compacted + sorted(states):
        some = [doubled(draw, next(numbers)) for _ in range(draw.randrange(1, 8))]
        store.put(state, some, len(spans), with_ngrams=False)
        spans += some
        if store.memtables:
            assert counted_by(store, calls) == truth_of(spans)
    if not store.memtables:
        store.reader(len(spans))
    assert counted_by(store) == counted_by(store, calls) == truth_of(spans)
    store.forget()


@pytest.mark.parametrize("state", STATES, ids=["compacted", "flushed", "evicted", "in memory"])
def test_of_each_call_of_the_recordings_one_span_counts(
    state: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All together in a segment or a memtable; what is compacted was in many segments before."""
    monkeypatch.setattr(compaction, "_FEWEST", 2)
    store = Store(tmp_path)
    batches = [span_rows(decode_trace_request(file.read_bytes()).spans).batch for file in FILES]
    [rows] = pa.Table.from_batches(batches).combine_chunks().to_batches()
    store.put_rows(state, rows, 0, pieces=40)
    if not store.memtables:
        store.reader(rows.num_rows)
    counted = counted_by(store)
    store.connection.close()
    assert counted == truth_in(pa.Table.from_batches([numbered(rows, 0)]))
    for file, calls in TRUTH.items():
        sdk = {each["trace_id"] + each["span_id"] for each in calls if each["duplicate_of_sdk_span"]}
        kept = {each["trace_id"] + each["span_id"] for each in calls} - sdk
        if file != "genai-anthropic-default-1.3b0.bin":  # where neither has content the SDK's counts
            assert kept <= counted, file
            assert sdk.isdisjoint(counted), file


LIMITS = Limits(flush_at=3000, deferred=0)


@pytest.fixture
async def storages(tmp_path: Path) -> AsyncIterator[list[EmbeddedStorage]]:
    """The storage, alone in a list, so that it can be opened again."""
    opened = [await EmbeddedStorage.open(tmp_path / "traces.duckdb", limits=LIMITS)]
    yield opened
    await opened[0].close()


async def counted_in(storage: EmbeddedStorage) -> set[str]:
    request = GetStats(group_by=("trace_id", "span_id"), now=START, limit=200)
    found = await storage.stats(request)
    assert found.others is None
    return {f"{trace}{span}" for trace, span in (group.key for group in found.groups)}


async def truth(storage: EmbeddedStorage) -> set[str]:
    columns = tuple(ROWS.names)
    parts = [await storage.columns(TraceColumns(trace_id=trace, columns=columns)) for trace in TRACES]
    return truth_in(pa.concat_tables(parts))


@pytest.mark.parametrize("seed", range(6))
async def test_what_counts_is_right_through_the_life_of_a_store(
    storages: list[EmbeddedStorage], tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts come late, traces are sent again after they were deleted, segments are compacted, the studio restarts."""
    monkeypatch.setattr(compaction, "_FEWEST", 3)
    draw = random.Random(seed)
    for _ in range(25):
        [storage] = storages
        step = draw.choice(["write"] * 6 + ["delete a trace", "delete a service", "tidy", "restart"])
        if step == "write":
            some = [doubled(draw, number) for number in draw.sample(range(1, 25), draw.randrange(1, 8))]
            await storage.write([span_rows([each]) for each in some])
        elif step == "delete a trace":
            await storage.delete(Scope("trace_id", draw.choice(TRACES)))
        elif step == "delete a service":
            await storage.delete(Scope("service_name", draw.choice(["one", "two"])))
        elif step == "tidy":
            await storage.tidy()
        else:
            await storage.close()
            storages[:] = [await EmbeddedStorage.open(tmp_path / "traces.duckdb", limits=LIMITS)]
        assert await counted_in(storages[0]) == await truth(storages[0]), step


def test_what_goes_with_a_segment_is_decided_again(tmp_path: Path) -> None:
    """A span inside of a call, in another segment: without it, the call counts."""
    store = Store(tmp_path)
    outer, inner = one_around_the_other()
    store.put(FLUSHED, [outer], 0, with_ngrams=False)
    store.put(FLUSHED, [inner], 1, with_ngrams=False)
    store.reader(2)
    assert len(counted_by(store)) == 1
    [(segment,)] = store.connection.execute("SELECT segment FROM span WHERE seq = 1").fetchall()
    with index.transaction(store.connection):
        index.remove(store.connection, [segment])
    store.manifest.refresh(store.connection)
    assert counted_by(store) == {outer.trace_id + outer.span_id}
    assert store.connection.execute("SELECT * FROM uncounted").fetchall() == []
    store.connection.close()


def test_a_change_that_is_undone_changes_nothing_of_what_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    outer, inner = one_around_the_other()
    store.put(FLUSHED, [outer], 0, with_ngrams=False)
    rows = pa.Table.from_batches([numbered(rows_of(span_columns([inner])), 1)])
    store.connection.begin()
    index.add(store.connection, 9, store.folders.segments, encoded(rows), arrived_before=START)
    assert store.connection.execute("SELECT count(*) FROM uncounted").fetchall() == [(1,)]
    store.connection.rollback()
    store.reader(1)
    assert counted_by(store) == {outer.trace_id + outer.span_id}
    store.connection.close()


def test_of_many_spans_in_memory_it_is_decided_now_and_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_calls, "_MANY", 1)
    monkeypatch.setattr(recent_calls, "_SECONDS", 1000.0)
    store.clear()
    outer, inner = one_around_the_other()
    store.put(IN_MEMORY, [outer], 0, with_ngrams=False)
    calls = RecentCalls()

    def counted(cursor: duckdb.DuckDBPyConnection) -> int:
        view = View(MemtableSnapshot(store.memtables), store.manifest.segments, store.roots, calls)
        with SpanTable(cursor, view).relation() as spans:
            [(found,)] = cursor.execute(f"SELECT count(*) FROM {spans} WHERE counted").fetchall()
        return int(found)

    cursor = store.connection.cursor()
    assert counted(cursor) == 1
    store.put(IN_MEMORY, [inner], 1, with_ngrams=False)
    assert counted(cursor) == 2
    monkeypatch.setattr(recent_calls, "_SECONDS", 0.0)
    assert counted(cursor) == 1
    store.forget()

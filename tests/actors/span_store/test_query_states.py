"""A search finds the same spans wherever they are: in memory, in the WAL, flushed or compacted, or some of each."""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path

import attrs
import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from actors.span_store.columns.rows import numbered, rows_of, span_keys
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.hot.memtable import Memtable, MemtableSnapshot
from actors.span_store.embedded.hot.wal import Wal
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.problems import Problems
from actors.span_store.embedded.reads import queries, walk
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.manifest import Manifest
from actors.span_store.embedded.sealed.root_cache import RootCache
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.embedded.sealed.segments import Segments
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile
from actors.span_store.messages import SearchSpans, SpanFilter
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.query.expression import Expression
from tests.actors.span_store.naive_query import Known, expressions, is_true, known, span_lists
from tests.spans import START, span

pytestmark = pytest.mark.integration

COMPACTED, FLUSHED, EVICTED, IN_MEMORY = range(4)  # the later spans come, the less was done with them
STATES = (
    [COMPACTED],
    [FLUSHED],
    [EVICTED],
    [IN_MEMORY],
    [FLUSHED, IN_MEMORY],
    [COMPACTED, FLUSHED, EVICTED, IN_MEMORY],
)
THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)


class Store:
    """The parts of a store that a search goes through."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders(folder / "traces.duckdb")
        self.connection = index.open_index(self.folders.index)
        self.folders.make()
        self.ngrams = NgramFiles(self.folders.grams, self.folders.segments)
        self.numbers = count(1)
        self.clear()

    def clear(self) -> None:
        for table in ("span", "trace_part", "segment_service", "segment", "sealed"):
            self.connection.execute(f"DELETE FROM {table}")
        self.roots = RootCache()
        self.manifest = Manifest(self.connection)
        self.memtables: list[Memtable] = []
        self.problems = Problems()

    def put(self, state: int, spans: Sequence[Span], first_seq: int, *, with_ngrams: bool) -> None:
        """Spans that arrived after all that are there."""
        rows = rows_of(span_columns(spans))
        if state in (EVICTED, IN_MEMORY):
            memtable = Memtable(0, first_seq, Wal(self.folders.journals / f"{next(self.numbers):08d}.journal"))
            memtable.append([rows], span_keys(rows))
            self.memtables.append(memtable)
            if state == EVICTED:
                memtable.evict()
            return
        for piece in range(rows.num_rows if state == COMPACTED else 1):
            some = numbered(rows, first_seq).slice(piece) if state == FLUSHED else numbered(rows, first_seq)[piece:][:1]
            self._flush(pa.Table.from_batches([some]), with_ngrams=with_ngrams)
        if state == COMPACTED:
            segments = Segments(self.connection, self.folders, next_number=next(self.numbers))
            compacted = compaction.Compaction(segments, CurrentPrices()).compact()
            self.manifest.refresh(self.connection)
            assert compacted == (rows.num_rows if rows.num_rows > 1 else 0)

    def _flush(self, rows: pa.Table, *, with_ngrams: bool) -> None:
        number, new = next(self.numbers), encoded(rows)
        with index.transaction(self.connection):
            index.add(self.connection, number, self.folders.segments, new, arrived_before=START)
        self.manifest.refresh(self.connection)
        if with_ngrams:
            self.roots.add(number, new.index_rows)
            [segment] = [each for each in self.manifest.segments if each.number == number]
            sealed = SealedFile(number, segment.bytes, segment.checksum)
            self.ngrams.make(sealed, self.ngrams.sets(sealed))

    def reader(self, next_seq: int) -> SpanReader:
        if not self.memtables:
            self.memtables.append(
                Memtable(0, next_seq, Wal(self.folders.journals / f"{next(self.numbers):08d}.journal"))
            )
        view = View(MemtableSnapshot(self.memtables), self.manifest.segments, self.roots)
        return SpanReader(self.connection, view, self.folders.segments, Damage(self.problems), self.ngrams)

    def forget(self) -> None:
        for memtable in self.memtables:
            memtable.wal.delete()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples. A walk looks at two spans at a time, and its time is always up."""
    store = Store(tmp_path_factory.mktemp("states"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "_FEWEST", 2)
        patch.setattr(queries, "_SOON", 0.0)
        patch.setattr(queries, "_BUDGET", 0.0)
        patch.setattr(walk, "_MOST_ROWS", 2)
        patch.setattr(walk, "_LEAST", 3)
        yield store
    store.connection.close()


def test_sql_sees_all_spans_once_and_leaves_nothing_behind(store: Store) -> None:
    """Also those that are in the index and in memory, as they are for a moment after each flush."""
    store.clear()
    spans = [span(number, attributes={"llm.cost.total": 0.5}) for number in range(1, 7)]
    store.put(FLUSHED, spans[:4], 0, with_ngrams=False)
    store.put(EVICTED, spans[2:4], 2, with_ngrams=False)
    store.put(IN_MEMORY, spans[4:], 4, with_ngrams=False)
    view = View(MemtableSnapshot(store.memtables), store.manifest.segments, store.roots)
    cursor = store.connection.cursor()
    with SpanTable(cursor, view).relation() as everything:
        rows = cursor.execute(f"SELECT count(*), sum(cost), min(seq), max(seq) FROM {everything}").fetchall()
    assert rows == [(6, 3.0, 0, 5)]
    with pytest.raises(ZeroDivisionError), SpanTable(cursor, view).relation():
        raise ZeroDivisionError
    with pytest.raises(duckdb.CatalogException):
        cursor.execute("SELECT * FROM recent_span")
    cursor.close()
    store.forget()


def right_names(spans: Sequence[Span], request: SearchSpans) -> list[str]:
    """Span ids of what a search should find, in order."""
    stored = known(spans)
    llm = {each.span.trace_id for each in stored if each.columns["openinference_span_kind"] == "LLM"}

    def fits(each: Known) -> bool:
        is_root = not each.span.parent_span_id
        return (
            request.service_name in (None, each.columns["service_name"])
            and (request.where is None or is_true(request.where, each))
            and {
                SpanFilter.ALL: True,
                SpanFilter.ROOTS: is_root,
                SpanFilter.LLM_ROOTS: is_root and each.span.trace_id in llm,
                SpanFilter.WORKFLOWS: each.columns["junjo_span_type"] == "workflow",
            }[request.filter]
        )

    found = sorted(filter(fits, stored), key=lambda each: (-each.span.start_time_unix_nano, -each.seq))
    return [each.span.span_id for each in found]


def all_pages(reader: SpanReader, request: SearchSpans) -> list[str]:
    names: list[str] = []
    while True:
        page = reader.search(request)
        assert len(page.spans) <= request.limit
        names += [each.span_id for each in page.spans]
        if page.next is None:
            return names
        assert request.after != page.next
        request = attrs.evolve(request, after=page.next)


@given(
    spans=span_lists(),
    where=st.lists(expressions, min_size=1, max_size=4),
    states=st.sampled_from(STATES),
    with_ngrams=st.booleans(),
    service=st.sampled_from([None, "red", "tests"]),
    which=st.sampled_from(SpanFilter),
    limit=st.integers(1, 5),
)
@THOROUGH
def test_a_search_finds_what_it_should_wherever_the_spans_are(
    store: Store,
    *,
    spans: list[Span],
    where: list[Expression],
    states: list[int],
    with_ngrams: bool,
    service: str | None,
    which: SpanFilter,
    limit: int,
) -> None:
    store.clear()
    bounds = [len(spans) * step // len(states) for step in range(len(states) + 1)]
    for state, (begin, end) in zip(states, pairwise(bounds), strict=True):
        if begin < end:
            store.put(state, spans[begin:end], begin, with_ngrams=with_ngrams)
    reader = store.reader(len(spans))
    for expression in (None, *where):
        request = SearchSpans(service_name=service, filter=which, where=expression, limit=limit)
        assert all_pages(reader, request) == right_names(spans, request)
    store.forget()
    assert not store.problems.sentences()

"""Log records are where spans are, in memory, in the WAL, flushed or compacted, and no answer about spans has any."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.span_store.columns.logs import Log
from actors.span_store.columns.spans import Span
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import MemtableSnapshot
from actors.span_store.embedded.maintenance import compaction
from actors.span_store.embedded.reads.export import SpanExport
from actors.span_store.embedded.reads.queries import SpanReader, View
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.messages import (
    Exported,
    ExportSpans,
    GetSpan,
    GetSpanLogs,
    GetTraceSpans,
    SearchSpans,
    SearchText,
    SearchTrace,
    SpanFilter,
)
from actors.span_store.query.expression import Attribute, Contains, Equals, Text, equal
from tests.actors.span_store.states import COMPACTED, FLUSHED, STATES, Store, mixed_rows
from tests.spans import log, log_like, span

pytestmark = pytest.mark.integration

CALL = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "plan": "needle"}
ROOT = span(1, attributes={"junjo.span_type": "workflow", "plan": "needle"})
CHILD = span(2, parent=1, attributes=CALL, status_code=2)
ALONE = log(9, trace_id=9, service="only-logs", body="needle", attributes=CALL)
ITEMS: list[Span | Log] = [log_like(ROOT), ROOT, log_like(CHILD), ALONE, CHILD, log_like(CHILD, flags=7)]
SPAN_IDS = {ROOT.span_id, CHILD.span_id}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(compaction, "_FEWEST", 2)
    store = Store(tmp_path)
    yield store
    store.forget()
    store.connection.close()


def filled(store: Store, states: list[int]) -> SpanReader:
    """The items spread over the states, the last ones where least was done with them."""
    bounds = [len(ITEMS) * step // len(states) for step in range(len(states) + 1)]
    for state, begin, end in zip(states, bounds, bounds[1:], strict=False):
        store.put(state, ITEMS[begin:end], begin, with_ngrams=True)
    return store.reader(len(ITEMS))


def exported(store: Store, request: ExportSpans) -> list[str]:
    cursor = store.connection.cursor()
    recent = MemtableSnapshot(store.memtables)
    counted_of = SpanTable(cursor, View(recent, store.manifest.segments, store.roots)).counted
    parts = SpanExport(request, cursor, lambda: recent, store.folders.segments, counted_of).parts()
    columns: Iterator[Untold] = (part["span_id"] for part in parts)
    return [name for column in columns for name in column.to_pylist()]


everywhere = pytest.mark.parametrize("states", STATES, ids=str)


@everywhere
@pytest.mark.parametrize("which", list(SpanFilter))
@pytest.mark.parametrize(
    "where",
    [None, equal(status_code=None), Equals(Attribute("plan"), "needle"), Contains(Text(), "needle"), equal(type=None)],
    ids=str,
)
def test_no_list_has_a_log_record(store: Store, states: list[int], which: SpanFilter, where: object) -> None:
    reader = filled(store, states)
    page = reader.search(SearchSpans(filter=which, where=where, limit=100))  # type: ignore[arg-type] # of these kinds
    assert {each.span_id for each in page.spans} <= SPAN_IDS
    if where is None:
        assert len(page.spans) == (2 if which is SpanFilter.ALL else 1)
    assert reader.search(SearchSpans(service_name="only-logs")).spans == ()


@everywhere
def test_no_trace_and_no_text_search_has_one(store: Store, states: list[int]) -> None:
    reader = filled(store, states)
    assert {each.span_id for each in reader.trace(GetTraceSpans(trace_id=ROOT.trace_id))} == SPAN_IDS
    assert reader.trace(GetTraceSpans(trace_id=ALONE.trace_id)) == ()
    assert len(reader.search_trace(SearchTrace(trace_id=ROOT.trace_id)).spans) == 2
    found = []
    before = None
    while True:
        page = reader.text(SearchText(text="needle", before=before))
        found += [each.span_id for each in page.spans]
        before = page.before
        if before is None:
            break
    assert sorted(found) == sorted(SPAN_IDS)
    assert reader.services() == ("tests",)


@everywhere
def test_no_log_record_is_a_span_by_its_own_id(store: Store, states: list[int]) -> None:
    reader = filled(store, states)
    for record in (item for item in ITEMS if isinstance(item, Log)):
        ids: Untold = mixed_rows([record])["span_id"]
        [own] = ids.to_pylist()
        assert reader.span(GetSpan(trace_id=record.trace_id, span_id=own)) is None
    assert reader.span(GetSpan(trace_id=CHILD.trace_id, span_id=CHILD.span_id)) is not None


@everywhere
def test_the_logs_of_a_span_are_found(store: Store, states: list[int]) -> None:
    reader = filled(store, states)
    logs = reader.logs(GetSpanLogs(trace_id=CHILD.trace_id, span_id=CHILD.span_id))
    assert [each.flags for each in logs] == [0, 7]
    assert [each.body_json for each in reader.logs(GetSpanLogs(trace_id=ALONE.trace_id, span_id=ALONE.span_id))] == [
        '"needle"'
    ]


@everywhere
def test_an_export_has_what_it_is_asked_for(store: Store, states: list[int]) -> None:
    filled(store, states)
    assert exported(store, ExportSpans()) == [ROOT.span_id, CHILD.span_id]
    logs = exported(store, ExportSpans(what=Exported.LOGS))
    ids: Untold = mixed_rows(ITEMS)["span_id"]
    assert sorted(logs) == sorted(set(ids.to_pylist()) - SPAN_IDS)  # within a file they lie in another order
    assert exported(store, ExportSpans(what=Exported.BOTH)) == [ROOT.span_id, CHILD.span_id, *logs]


@everywhere
def test_no_number_of_spans_counts_one(store: Store, states: list[int]) -> None:
    filled(store, states)
    recent = sum(memtable.rows - memtable.logs for memtable in store.memtables)
    assert recent + store.manifest.spans == 2


@pytest.mark.parametrize("state", [FLUSHED, COMPACTED])
def test_no_summary_of_a_trace_counts_one(store: Store, state: int) -> None:
    filled(store, [state])
    parts = store.connection.execute(
        "SELECT sum(span_count), sum(error_count), sum(llm_count), sum(input_tokens) FROM trace_part GROUP BY trace_id "
        "ORDER BY 1 DESC"
    ).fetchall()
    assert parts == [(2, 1, 1, 7), (0, 0, 0, None)]
    services = store.connection.execute("SELECT service_name, sum(span_count) FROM segment_service GROUP BY ALL")
    assert dict(services.fetchall()) == {"tests": 2, "only-logs": 0}

"""Spans that are in memory: batches that came one by one are joined for those who read."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from actors.span_store.columns.rows import rows_of, span_keys
from actors.span_store.columns.spans import span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.hot.memtable import Memtable, PartInMemory
from actors.span_store.embedded.hot.wal import Wal
from tests.spans import span

pytestmark = pytest.mark.integration

REQUESTS, SPANS = 300, 3


@pytest.fixture
def memtable(tmp_path: Path) -> Memtable:
    return Memtable(1, 100, Wal(tmp_path / "1.wal"))


def append(memtable: Memtable, request: int) -> pa.RecordBatch:
    attributes = {"text": f"number {request}", "count": request}
    rows = rows_of(span_columns(span(n + 1, trace_id=request + 1, attributes=attributes) for n in range(SPANS)))
    memtable.append([rows], span_keys(rows))
    return rows


def without_numbers(rows: pa.Table) -> pa.Table:
    return rows.drop_columns(["seq"]).combine_chunks()


def test_small_batches_are_few_parts_with_the_same_rows(memtable: Memtable) -> None:
    sent = [append(memtable, request) for request in range(REQUESTS)]
    assert memtable.rows == REQUESTS * SPANS
    assert len(memtable.parts) < 12
    assert without_numbers(memtable.whole()).equals(pa.Table.from_batches(sent).combine_chunks())
    assert memtable.whole()["seq"].to_pylist() == list(range(100, 100 + REQUESTS * SPANS))
    assert memtable.indexed_columns()["span_id"].to_pylist() == memtable.whole()["span_id"].to_pylist()


def test_small_batches_do_not_pile_up_where_nobody_reads(memtable: Memtable) -> None:
    """Each of them takes several kilobytes, however little is in it."""
    for request in range(REQUESTS):
        append(memtable, request)
    pieces = [len(part.batches) for part in memtable.parts if isinstance(part, PartInMemory)]
    assert len(pieces) == len(memtable.parts)
    assert max(pieces) <= 8
    assert sum(pieces) < REQUESTS / 4


def test_batches_are_joined_once(memtable: Memtable) -> None:
    for request in range(REQUESTS):
        append(memtable, request)
    parts = memtable.parts
    joined = [part.whole() for part in parts]
    assert all(part.whole() is batch for part, batch in zip(parts, joined, strict=True))
    append(memtable, REQUESTS)
    assert memtable.parts[0].whole() is joined[0]  # the first is full


def test_readers_see_all_that_came_before_while_more_comes(memtable: Memtable) -> None:
    def read(_: int) -> list[str]:
        before = memtable.rows
        column: Untold = memtable.whole()["attributes"].combine_chunks()
        seen: list[str] = column.items.field("text").drop_null().to_pylist()
        assert len(seen) >= before
        return seen

    expected = [f"number {request}" for request in range(REQUESTS) for _ in range(SPANS)]
    with ThreadPoolExecutor(4) as readers:
        looks = []
        for request in range(REQUESTS):
            append(memtable, request)
            looks.append(readers.submit(read, request))
        for look in looks:
            seen = look.result()
            assert seen == expected[: len(seen)]

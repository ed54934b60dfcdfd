"""Columns of one trace, read from segments of several row groups, and from damaged ones."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.errors import NeedsRoom
from actors.span_store.columns.rows import ROWS, span_rows
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.embedded.sealed.row_groups import footer
from actors.span_store.storage import TraceColumns
from tests.spans import span

pytestmark = pytest.mark.integration

TRACE = f"{1:032x}"
COUNT = 3000


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[EmbeddedStorage]:
    """One segment with a trace of many row groups and its root, and another trace between."""
    opened = await EmbeddedStorage.open(tmp_path / "traces.duckdb", limits=Limits(flush_at=1, deferred=0))
    children = (span(number, parent=1, attributes={"n": number, "key": "x"}) for number in range(2, COUNT + 1))
    others = (span(number, trace_id=2, parent=1) for number in range(1, 600))
    await opened.write([span_rows([span(1), *children, *others])])
    while opened.state().recent_spans:  # noqa: ASYNC110 - nothing tells when they are flushed
        await asyncio.sleep(0.01)
    yield opened
    await opened.close()


def segment(folder: Path) -> Path:
    [path] = (folder / "traces.segments").glob("*.parquet")
    return path


async def test_a_few_spans_of_many_are_found(storage: EmbeddedStorage, tmp_path: Path) -> None:
    assert len(footer(segment(tmp_path)).starts) > 5
    wanted = frozenset(f"{number:016x}" for number in (1, 2, 700, COUNT, COUNT + 1))
    for columns in (("span_id",), ("span_id", "attribute_keys"), tuple(ROWS.names)):
        found = await storage.columns(TraceColumns(trace_id=TRACE, columns=columns, span_ids=wanted))
        assert sorted(map(str, found["span_id"].to_pylist())) == [f"{n:016x}" for n in (1, 2, 700, COUNT)]
        assert found.column_names == list(columns)
    by_key = await storage.columns(TraceColumns(trace_id=TRACE, columns=("attribute_keys",), span_ids=wanted))
    assert sorted(by_key["attribute_keys"].to_pylist(), key=str) == [["n", "key"]] * 3 + [[]]


async def test_all_spans_are_found(storage: EmbeddedStorage) -> None:
    found = await storage.columns(TraceColumns(trace_id=TRACE, columns=("span_id", "attribute_keys")))
    assert {str(each) for each in found["span_id"].to_pylist()} == {f"{n:016x}" for n in range(1, COUNT + 1)}
    many = frozenset(f"{number:016x}" for number in range(1, COUNT, 2))
    some = await storage.columns(TraceColumns(trace_id=TRACE, columns=("span_id",), span_ids=many))
    assert {str(each) for each in some["span_id"].to_pylist()} == many


async def test_what_takes_more_than_there_is_room_for_says_so(storage: EmbeddedStorage) -> None:
    with pytest.raises(NeedsRoom):
        await storage.columns(TraceColumns(trace_id=TRACE, columns=("span_id",), room=1000))


async def test_a_damaged_segment_is_left_out(storage: EmbeddedStorage, tmp_path: Path) -> None:
    segment(tmp_path).unlink()
    found = await storage.columns(TraceColumns(trace_id=TRACE, columns=("span_id", "attribute_keys")))
    assert (found.num_rows, found.column_names) == (0, ["span_id", "attribute_keys"])
    assert storage.state().problems

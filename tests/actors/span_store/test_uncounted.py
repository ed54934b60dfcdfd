"""Which calls do not count, of many traces at once: as it is decided of each trace by itself."""

import random
from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.rows import numbered, rows_of, span_rows
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.traces.uncounted import COLUMNS, uncounted
from tests.actors.span_store.doubled_calls import doubled
from tests.actors.span_store.plain_counting import counted_ids
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)


def left_out(rows: pa.Table) -> set[str]:
    """By a look at each trace."""
    found = set()
    traces: Untold = rows["trace_id"].unique()
    for trace in traces:
        spans = rows.filter(pc.equal(rows["trace_id"], trace))
        calls: Untold = spans["span_id"].filter(is_model_call(spans["type"])).to_pylist()
        found |= {f"{trace}{span_id}" for span_id in set(calls) - counted_ids(spans)}
    return found


def found_in(rows: pa.Table) -> set[str]:
    found: Untold = uncounted(rows.select(COLUMNS))["seq"]
    some = rows.filter(pc.is_in(rows["seq"], value_set=found.combine_chunks()))
    assert some.num_rows == len(found)
    return {row["trace_id"] + row["span_id"] for row in some.select(["trace_id", "span_id"]).to_pylist()}


def table(spans: Sequence[Span]) -> pa.Table:
    return pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 5)])


def test_of_all_recordings_at_once() -> None:
    batches, first = [], 0
    for file in FILES:
        batch = numbered(span_rows(decode_trace_request(file.read_bytes()).spans).batch, first)
        batches.append(batch)
        first += batch.num_rows
    rows = pa.Table.from_batches(batches)
    assert found_in(rows) == left_out(rows)
    assert len(left_out(rows)) > 30
    assert found_in(rows.slice(0, 0)) == set()


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_it_is_the_same_as_of_each_trace(draw: random.Random, count: int) -> None:
    rows = table([doubled(draw, number) for number in range(1, count + 1)])
    assert found_in(rows) == left_out(rows)


def test_a_long_way_around_a_call_is_gone_by_looking_at_the_trace() -> None:
    chain = [doubled(random.Random(1), 1, kind="chat", parent=None)]
    chain += [doubled(random.Random(1), number, kind="", parent=number - 1, trace=1) for number in range(2, 40)]
    chain += [doubled(random.Random(1), 40, kind="chat", parent=39, trace=1)]
    first = chain[0]._replace(trace_id=f"{1:032x}")
    rows = table([first, *chain[1:]])
    assert len(found_in(rows)) == 1
    assert found_in(rows) == left_out(rows)

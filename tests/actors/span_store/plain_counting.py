"""Which calls count, of one trace at a time."""

from functools import cache
from typing import Any

import pyarrow as pa

from actors.span_store.columns.attribute_column import with_keys
from actors.span_store.query.arrow import ArrowFilter
from actors.span_store.query.expression import Expression
from actors.span_store.traces.content import with_content
from actors.span_store.traces.counting import Calls
from actors.span_store.traces.summaries import in_order

_KEY = ("trace_id", "span_id")


def counted_ids(trace: pa.Table) -> set[str]:
    """The ids of the spans of one trace that stand for a model call."""
    ordered = in_order(trace)
    ids = [str(each) for each in ordered["span_id"].to_pylist()]
    calls = Calls.of(ordered)
    said = with_content(with_keys(ordered.take(pa.array(calls.disputed, pa.int64()))))
    return {ids[row] for row in calls.counted({row for row, each in enumerate(ids) if each in said})}


def counted_of(rows: pa.Table) -> Any:
    """Of each of all spans whether it stands for a model call, as a column."""
    by_trace: dict[str, list[int]] = {}
    for row, trace_id in enumerate(rows["trace_id"].to_pylist()):
        by_trace.setdefault(str(trace_id), []).append(row)
    ids = rows["span_id"].to_pylist()
    found: dict[int, bool] = {}
    for some in by_trace.values():
        counted = counted_ids(rows.take(pa.array(some, pa.int64())))
        found |= {row: ids[row] in counted for row in some}
    return pa.chunked_array([pa.array([found[row] for row in range(rows.num_rows)], pa.bool_())])


def filter_among(where: Expression, rows: pa.Table) -> ArrowFilter:
    """For some of the rows, which are all spans that there are."""

    @cache
    def counted() -> frozenset[str]:
        pairs = zip(keys_of(rows), counted_of(rows).to_pylist(), strict=True)
        return frozenset(key for key, counts in pairs if counts)

    def counted_in(some: pa.Table) -> Any:
        return pa.chunked_array([pa.array([key in counted() for key in keys_of(some)], pa.bool_())])

    return ArrowFilter(where, counted_in)


def keys_of(rows: pa.Table) -> list[str]:
    return [f"{trace} {span}" for trace, span in zip(*(rows[name].to_pylist() for name in _KEY), strict=True)]

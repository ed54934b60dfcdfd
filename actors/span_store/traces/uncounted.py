"""Which spans of model calls do not count, of many traces at once.

In nearly all traces each span of a model call counts, and that is found out without looking at spans one by one. The
others are decided together, by ``counting``, under ids that no other trace has.
"""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.traces import counting
from actors.span_store.traces.arrow_values import integers
from actors.span_store.traces.counting import SCOPE, WRAPPING, Calls

# What is read of each span of a trace.
COLUMNS = (*(name for name in counting.COLUMNS if name != "scope_json"), "trace_id", SCOPE, "has_content", "seq")
_MOST_STEPS = 16  # spans around a call that are looked at for all traces together
_NO_ID: Untold = pa.scalar("", pa.string())
_NULL: Untold = pa.scalar(None, pa.string())
_TOGETHER = pa.scalar("", pa.string())


def uncounted(spans: pa.Table) -> pa.Table:
    """``seq`` and ``trace_id`` of model calls' spans that do not count. ``spans`` are whole traces with ``COLUMNS``."""
    traces = _disputed(spans)
    some = spans.filter(pc.is_in(spans["trace_id"], value_set=traces)) if len(traces) else spans.slice(0, 0)
    if not some.num_rows:
        return some.select(["seq", "trace_id"])
    ordered = _together(some)
    said: Untold = pc.indices_nonzero(pc.equal(ordered["has_content"], pa.scalar(1, pa.int32())))
    counted = pa.array(sorted(Calls.of(ordered).counted(set(integers(said)))), pa.int64())
    calls: Untold = pc.indices_nonzero(is_model_call(ordered["type"]))
    left = calls.filter(pc.invert(pc.is_in(calls.cast(pa.int64()), value_set=counted)))
    return ordered.take(left).select(["seq", "trace_id"])


def _together(spans: pa.Table) -> pa.Table:
    """As if they were one trace: in its order, under ids that no other trace has. A span without a parent has none."""
    answers = spans["response_id"]
    answers = pc.if_else(pc.equal(answers, _NO_ID), _NULL, answers)
    made = {
        "span_id": _keys(spans["trace_id"], spans["span_id"]),
        "parent_span_id": _keys(spans["trace_id"], pc.fill_null(spans["parent_span_id"], _NO_ID)),
        "response_id": _keys(spans["trace_id"], answers),
    }
    for name, column in made.items():
        spans = spans.set_column(spans.column_names.index(name), name, column)
    return spans.take(pc.sort_indices(spans, [("start_time_unix_nano", "ascending"), ("span_id", "ascending")]))


def _keys(traces: Untold, ids: Untold) -> Untold:
    """Null where there is no id."""
    return pc.binary_join_element_wise(traces, ids, _TOGETHER)


def _disputed(spans: pa.Table) -> Untold:
    """The traces of which a span of a model call may not count: rather too many than too few."""
    calls = spans.filter(is_model_call(spans["type"]))
    calls = calls.filter(pc.is_in(calls["trace_id"], value_set=_several(calls["trace_id"])))
    if not calls.num_rows:
        return pa.array([], pa.string())
    found = [_with_one_answer(calls), _beside_each_other(calls), _around_each_other(spans, calls)]
    return pa.chunked_array(found).unique()


def _several(values: AnyColumn) -> Untold:
    """Those that are there more than once."""
    counts: Untold = pc.value_counts(values.combine_chunks())
    return counts.field("values").filter(pc.greater(counts.field("counts"), pa.scalar(1, pa.int64())))


def _with_one_answer(calls: pa.Table) -> Untold:
    """Traces of which several calls have the same id of an answer."""
    answered = calls.filter(pc.greater(pc.binary_length(calls["response_id"]), pa.scalar(0, pa.int32())))
    keys = _keys(answered["trace_id"], answered["response_id"])
    return answered["trace_id"].filter(pc.is_in(keys, value_set=_several(keys))).combine_chunks().unique()


def _beside_each_other(calls: pa.Table) -> Untold:
    """Traces of which calls with the same parent are of different libraries."""
    scopes = pc.fill_null(calls[SCOPE], _NO_ID)
    if len(scopes.unique()) == 1:
        return pa.array([], pa.string())
    parents = _keys(calls["trace_id"], pc.fill_null(calls["parent_span_id"], _NO_ID))
    grouped = pa.table({"trace_id": calls["trace_id"], "parent": parents, "scope": scopes})
    counts = grouped.group_by(["trace_id", "parent"]).aggregate([("scope", "count_distinct")])
    several = pc.greater(counts["scope_count_distinct"], pa.scalar(1, pa.int64()))
    return counts["trace_id"].filter(several).combine_chunks().unique()


def _around_each_other(spans: pa.Table, calls: pa.Table) -> Untold:
    """Traces of which a call is around another one, with nothing between them that makes calls of its own."""
    some = spans.filter(pc.is_in(spans["trace_id"], value_set=calls["trace_id"].combine_chunks().unique()))
    keys = _keys(some["trace_id"], some["span_id"]).combine_chunks()
    parents = pc.index_in(_keys(some["trace_id"], some["parent_span_id"]), value_set=keys).combine_chunks()
    traces, are_calls = some["trace_id"].combine_chunks(), is_model_call(some["type"]).combine_chunks()
    wrap = pc.is_in(some["type"], value_set=pa.array(WRAPPING, pa.string())).combine_chunks()
    at: Untold = parents.filter(are_calls).drop_null().unique()
    found = []
    for _ in range(_MOST_STEPS):
        if not len(at):
            break
        found.append(traces.take(at.filter(are_calls.take(at))))
        at = parents.take(at.filter(wrap.take(at))).drop_null().unique()
    found.append(traces.take(at))  # of which it is not known yet
    return pa.chunked_array(found, pa.string()).combine_chunks().unique()

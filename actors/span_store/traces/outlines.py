"""Makes the outline of the rows of one trace, column by column."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import positions
from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.traces.outline import COLUMNS as MADE
from actors.span_store.traces.outline import MOST_ROWS, Outline
from actors.span_store.traces.summaries import COLUMNS as SUMMARISED
from actors.span_store.traces.summaries import STATUSES, PreviewsById, costs_column, trace_summary

COLUMNS = (*SUMMARISED, "events_json")
_ROOT, _ELSEWHERE, _NO_NAME = -1, -2, -1
_MICROSECOND = pa.scalar(1000, pa.uint64())
# Events begin like this, and nothing in their texts does, where quotes are escaped: see ``json_text.events_json``.
_EVENT = r'"timeUnixNano":[0-9]+,"droppedAttributesCount":[0-9]+,"attributes":\{'
_EXCEPTION = r'\{"name":"exception",' + _EVENT


def outline(spans: pa.Table, counted: Collection[int], previews: PreviewsById) -> Outline:
    """The outline. ``spans`` are all spans of a trace in order, ``counted`` the rows of those that count."""
    shown = spans.slice(0, MOST_ROWS).combine_chunks()
    names = {"name": "name", "service": "service_name", "type": "type", "model": "model"}
    encoded = {name: _encoded(shown[column]) for name, column in names.items()}
    columns = {name: indices for name, (indices, _) in encoded.items()} | _measured(shown, counted)
    dictionaries = {name: dictionary for name, (_, dictionary) in encoded.items()}
    return Outline(
        trace=trace_summary(spans, counted, previews),
        count=spans.num_rows,
        origin_unix_nano=shown["start_time_unix_nano"][0].as_py(),
        truncated=shown.num_rows < spans.num_rows,
        dictionaries={**dictionaries, "status": STATUSES},
        columns=pa.table([columns[name] for name in MADE.names], schema=MADE),
    )


def _measured(spans: pa.Table, counted: Collection[int]) -> dict[str, Untold]:
    start, end, code = spans["start_time_unix_nano"], spans["end_time_unix_nano"], spans["status_code"]
    took = pc.subtract(pc.max_element_wise(start, end), start)
    running: Untold = pa.scalar(None, pa.uint64())
    zero, most = (pa.scalar(number, pa.int32()) for number in (0, len(STATUSES) - 1))
    counts = {name: _count(spans["events_json"], form) for name, form in (("errors", _EXCEPTION), ("events", _EVENT))}
    return {
        "span_id": spans["span_id"],
        "parent": _parents(spans),
        "start_us": _whole(pc.subtract(start, start[0])),
        "duration_us": _whole(pc.if_else(pc.equal(end, pa.scalar(0, pa.uint64())), running, took)),
        "status": pc.if_else(pc.and_(pc.greater_equal(code, zero), pc.less_equal(code, most)), code, zero),
        "input_tokens": spans["input_tokens"],
        "output_tokens": spans["output_tokens"],
        "cost_usd": costs_column(spans),
        "counted": pc.is_in(positions(spans.num_rows), value_set=pa.array(list(counted), pa.int64())),
        **counts,
    }


def _parents(spans: pa.Table) -> Untold:
    parents = spans["parent_span_id"]
    here = pc.fill_null(pc.index_in(parents, value_set=spans["span_id"]), pa.scalar(_ELSEWHERE, pa.int32()))
    return pc.if_else(parents.is_null(), pa.scalar(_ROOT, pa.int32()), here)


def _whole(nanoseconds: AnyColumn) -> Untold:
    """Whole microseconds."""
    return pc.divide(nanoseconds, _MICROSECOND).cast(pa.int64())


def _encoded(column: AnyColumn) -> tuple[Untold, tuple[str, ...]]:
    encoded = column.combine_chunks().dictionary_encode()
    return pc.fill_null(encoded.indices, pa.scalar(_NO_NAME, pa.int32())), tuple(encoded.dictionary.to_pylist())


def _count(events: AnyColumn, form: str) -> Untold:
    """How many there are in each text, most of which are the same: no event."""
    encoded = events.combine_chunks().dictionary_encode()
    return pc.count_substring_regex(encoded.dictionary, pattern=form).cast(pa.int32()).take(encoded.indices)

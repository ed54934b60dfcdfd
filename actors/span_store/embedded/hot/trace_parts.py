"""What some rows in memory have of each trace, as ``trace_part`` of the index has it of a segment."""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.spans import LOG

_NUMBER = 16  # the hex digits of a trace id, from here on, are its number
_ERROR = 2  # STATUS_CODE_ERROR
_TIMES = ("start_time_unix_nano", "end_time_unix_nano")
_FIELDS: dict[str, pa.DataType] = {
    "trace_id": pa.string(),
    "trace_number": pa.uint64(),
    **dict.fromkeys(_TIMES, pa.uint64()),
    "error_count": pa.int64(),
}
TRACE_PARTS = pa.schema(_FIELDS)


def trace_parts(rows: pa.RecordBatch) -> pa.RecordBatch:
    """A row of ``TRACE_PARTS`` for each trace of which there is a span. ``rows`` have the indexed columns."""
    spans = pa.Table.from_batches([rows]).filter(pc.not_equal(rows["kind"], pa.scalar(LOG, pa.int32())))
    start, end = _TIMES
    failed = pc.equal(spans["status_code"], pa.scalar(_ERROR, pa.int32())).cast(pa.int64())
    asked = spans.select(["trace_id", start, end]).append_column("failed", failed)
    grouped = asked.group_by("trace_id", use_threads=False)
    found = grouped.aggregate([(start, "min"), (end, "max"), ("failed", "sum")])
    numbers = pa.array([int(str(trace)[_NUMBER:], 16) for trace in found["trace_id"].to_pylist()], pa.uint64())
    whole = found.add_column(1, "trace_number", numbers).rename_columns(TRACE_PARTS.names).cast(TRACE_PARTS)
    [*made] = whole.combine_chunks().to_batches()
    return made[0] if made else pa.RecordBatch.from_pylist([], TRACE_PARTS)

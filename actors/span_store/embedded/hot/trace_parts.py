"""What some rows in memory have of each trace, as ``trace_part`` of the index has it of a segment."""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.spans import LOG

_NUMBER = 16  # the hex digits of a trace id, from here on, are its number
_ERROR = 2  # STATUS_CODE_ERROR
TRACE_PARTS = pa.schema(
    [
        pa.field("trace_id", pa.string()),
        pa.field("trace_number", pa.uint64()),
        pa.field("start_time_unix_nano", pa.uint64()),
        pa.field("end_time_unix_nano", pa.uint64()),
        pa.field("error_count", pa.int64()),
    ]
)


def trace_parts(rows: pa.RecordBatch) -> pa.RecordBatch:
    """A row of ``TRACE_PARTS`` for each trace of which there is a span. ``rows`` have the indexed columns."""
    spans = pa.Table.from_batches([rows]).filter(pc.not_equal(rows["kind"], pa.scalar(LOG, pa.int32())))
    times = ["start_time_unix_nano", "end_time_unix_nano"]
    failed = pc.equal(spans["status_code"], pa.scalar(_ERROR, pa.int32())).cast(pa.int64())
    grouped = spans.select(["trace_id", *times]).append_column("failed", failed).group_by("trace_id", use_threads=False)
    found = grouped.aggregate([(times[0], "min"), (times[1], "max"), ("failed", "sum")])
    traces = found["trace_id"].combine_chunks()
    numbers = pa.array([int(trace[_NUMBER:], 16) for trace in traces.to_pylist()], pa.uint64())
    columns = [traces, numbers, *(found[f"{name}"].combine_chunks() for name in found.column_names[1:])]
    return pa.record_batch(columns, schema=TRACE_PARTS)

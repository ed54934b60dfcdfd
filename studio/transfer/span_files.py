"""Files of spans: a Parquet file of a studio, an OTLP request in protobuf, or OTLP/JSON, detected by their content."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from actors.errors import InvalidRequest
from studio.transfer.json_files import MOST_BYTES, begins_like_json, has_objects, json_uploads
from studio.transfer.upload import LOGS, Note, Request, Rows, Upload, are_logs
from transports.otlp import salvage

_ROWS = 2000
_TRACE_ID_BYTES = 16
_PARQUET = b"PAR1"
_SOMETHING_ELSE = "neither OTLP nor a Parquet file of a studio"


def uploads_of(path: Path) -> Iterator[Upload | Note]:
    """The uploads of a file's spans, and notes about its other parts. Raises ``OSError``."""
    if begins_like_json(path):
        return json_uploads(path)
    with path.open("rb") as file:
        beginning = file.read(len(_PARQUET))
    if beginning == _PARQUET:
        return _of_parquet(path)
    request = _of_protobuf(path)
    if request is not None:
        return iter((request,))
    # Programs may write other lines into the same file, also before their first span.
    return json_uploads(path) if has_objects(path) else iter((Note("", _SOMETHING_ELSE),))


def _of_parquet(path: Path) -> Iterator[Rows | Note]:
    done = 0
    try:
        with path.open("rb") as content, pq.ParquetFile(content) as file:  # Arrow takes no name that is not UTF-8
            share = path.stat().st_size / max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(_ROWS):
                done += batch.num_rows
                for rows in _by_signal(pa.Table.from_batches([batch])):
                    yield Rows(rows, done - batch.num_rows + 1, int(done * share))
    except pa.ArrowException:
        yield Note(f"row {done + 1}" if done else "", "its Parquet is damaged")


def _by_signal(rows: pa.Table) -> Iterator[pa.Table]:
    """Spans, and then log records, which lie between them in segments."""
    is_log = are_logs(rows)
    if is_log is None:
        yield rows
        return
    for some in (rows.filter(pc.invert(is_log)), rows.filter(is_log)):
        if some.num_rows:
            yield some


def _of_protobuf(path: Path) -> Request | None:
    """The file as one request. One without spans or log records is none: protobuf accepts other data as such."""
    if path.stat().st_size > MOST_BYTES:
        return None
    body = path.read_bytes()
    try:
        traces, lost = salvage.read_request(body, salvage.SPANS)
        logs, _ = salvage.read_request(body, salvage.LOGS)
    except InvalidRequest:
        return None
    spans = [span for each in traces.resource_spans for scope in each.scope_spans for span in scope.spans]
    records = [record for each in logs.resource_logs for scope in each.scope_logs for record in scope.log_records]
    if not any(map(_has_trace, spans)) and any(map(_has_trace, records)):  # the frames of both are the same
        return Request(body, len(records), signal=LOGS)
    return Request(body, lost + len(spans)) if lost or spans else None


def _has_trace(item: Span | LogRecord) -> bool:
    return len(item.trace_id) == _TRACE_ID_BYTES

"""``studio import``: files of spans, sent to a running studio over OTLP."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from actors.span_store.attribute_column import STORED, shown
from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.progress import Progress
from transports.otlp_lines import otlp_request

_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_ROWS = 2000
_REQUEST_BYTES = 2 * 1024 * 1024  # lines are sent together up to about this size
_PARQUET = b"PAR1"


@attrs.frozen
class _Upload:
    """One OTLP request, and how many bytes of its file are behind it."""

    body: bytes
    content_type: str
    spans: int
    position: int


@attrs.define
class _Sent:
    spans: int = 0
    rejected: int = 0


def import_files(client: StudioClient, files: Sequence[Path]) -> str:
    """Send the spans of files: our Parquet, OTLP in protobuf or JSON, or lines of OTLP/JSON.

    The form is found by the content. Spans that the studio has already are stored once. The report. Raises
    ``TransferFailed``; what was sent before stays, so the same call can be made again.
    """
    sent = _Sent()
    for path in files:
        progress = Progress(path.name, _size(path))
        try:
            for upload in _uploads(path):
                sent.spans += upload.spans
                sent.rejected += _rejected(client.send_spans(upload.body, upload.content_type), upload.content_type)
                progress.reached(upload.position)
        except (DecodeError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError, pa.ArrowException) as fault:
            raise TransferFailed(f"{path} has no spans: neither OTLP nor a Parquet file of a studio") from fault
        except OSError as fault:
            raise TransferFailed(f"Cannot read {path}: {fault.strerror or 'it is damaged'}") from fault
        finally:
            progress.end()
    refused = f", {sent.rejected} of which the studio rejected" if sent.rejected else ""
    return f"Sent {sent.spans} spans of {len(files)} files{refused}"


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _uploads(path: Path) -> Iterator[_Upload]:
    with path.open("rb") as file:
        begin = file.read(256)
    if begin.startswith(_PARQUET):
        return _of_parquet(path)
    return _of_json(path) if begin.lstrip().startswith(b"{") else _of_protobuf(path)


def _of_parquet(path: Path) -> Iterator[_Upload]:
    done = 0
    with pq.ParquetFile(path) as file:
        share = path.stat().st_size / max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(_ROWS):
            done += batch.num_rows
            rows = pa.Table.from_batches([batch])
            body = otlp_request(shown(rows) if STORED in rows.column_names else rows)
            yield _Upload(body, _JSON, batch.num_rows, int(done * share))


def _of_protobuf(path: Path) -> Iterator[_Upload]:
    body = path.read_bytes()
    request = ExportTraceServiceRequest.FromString(body)
    spans = sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
    if body and not spans:
        raise DecodeError("protobuf of something else")
    yield _Upload(body, _PROTOBUF, spans, len(body))


def _of_json(path: Path) -> Iterator[_Upload]:
    """One document, of one line or many; or a document on each line, of which many are sent together."""
    gathered: list[Any] = []
    size = position = 0
    with path.open("rb") as lines:
        for line in lines:
            position += len(line)
            try:
                document = orjson.loads(line) if line.strip() else None
            except orjson.JSONDecodeError:
                if gathered or size:
                    raise
                document = orjson.loads(line + lines.read())  # it was the first line of one document
            if document is not None:
                gathered += document["resourceSpans"]
                size += len(line)
            if size >= _REQUEST_BYTES:
                yield _request_of(gathered, position)
                gathered, size = [], 0
    if gathered:
        yield _request_of(gathered, position)


def _request_of(resource_spans: list[Any], position: int) -> _Upload:
    spans = sum(len(scope.get("spans", ())) for each in resource_spans for scope in each.get("scopeSpans", ()))
    return _Upload(orjson.dumps({"resourceSpans": resource_spans}), _JSON, spans, position)


def _rejected(answer: bytes, content_type: str) -> int:
    """How many spans of a request the studio did not take."""
    if content_type == _PROTOBUF:
        return ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    return int(orjson.loads(answer or b"{}").get("partialSuccess", {}).get("rejectedSpans", 0))

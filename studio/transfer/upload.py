"""Parts of a file of spans: requests to send, and notes about parts that cannot be sent."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import attrs
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from actors.span_store.columns.attribute_column import STORED, shown
from actors.span_store.columns.logs import log_table
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyColumn
from transports.otlp.decode_json import decode_trace_json
from transports.otlp.decode_logs_json import decode_logs_json
from transports.otlp.encode_json import logs_request, otlp_request
from transports.otlp.request import DecodedLogs, DecodedRequest

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


class Unreadable(Exception):
    """A part of a file is malformed; the text says why."""


@attrs.frozen(kw_only=True)
class Signal:
    """A signal of OTLP that a studio stores."""

    noun: str
    path: str
    member: str  # of a request in JSON, which has the frames of all resources
    response: type[Message]
    rejected: str  # the number in ``partial_success``
    decode: Callable[[bytes], DecodedRequest | DecodedLogs]


SPANS = Signal(
    noun="span",
    path="/v1/traces",
    member="resourceSpans",
    response=ExportTraceServiceResponse,
    rejected="rejected_spans",
    decode=decode_trace_json,
)
LOGS = Signal(
    noun="log record",
    path="/v1/logs",
    member="resourceLogs",
    response=ExportLogsServiceResponse,
    rejected="rejected_log_records",
    decode=decode_logs_json,
)


@attrs.frozen
class Note:
    """A note about a place in a file. ``lost`` says that it should have been spans, and cannot be sent."""

    where: str  # "line 3", say; "" is all of the file
    text: str
    lost: bool = True


class Upload(Protocol):
    """One OTLP request."""

    @property
    def where(self) -> str:
        """Its place, as in ``Note``."""

    @property
    def signal(self) -> Signal: ...

    @property
    def items(self) -> int:
        """Number of its spans or log records, including those that a studio will reject."""

    @property
    def position(self) -> int:
        """Number of bytes of the file up to its end."""

    @property
    def content_type(self) -> str: ...

    def body(self) -> bytes:
        """The request itself. Raises ``Unreadable``."""

    def halves(self) -> "Sequence[Upload]":
        """Two smaller uploads with the same items; none when it cannot be divided."""

    def rejected(self) -> Iterator[Note]:
        """Notes about the items that a studio will reject, as far as they are known here."""


@attrs.frozen
class Line:
    """A line of OTLP/JSON, or a whole document. ``frames`` is the inside of its member, to join with others.

    It is ``None`` where joining would change the meaning: then the line is sent as it is.
    """

    where: str
    text: bytes = attrs.field(repr=False)
    items: int
    frames: bytes | None = attrs.field(repr=False)
    signal: Signal = SPANS


@attrs.frozen
class Lines:
    """Lines of one signal that are sent together."""

    lines: Sequence[Line]
    position: int
    content_type: str = JSON

    @property
    def signal(self) -> Signal:
        return self.lines[0].signal

    @property
    def items(self) -> int:
        return sum(line.items for line in self.lines)

    @property
    def where(self) -> str:
        first, last = self.lines[0].where, self.lines[-1].where
        return first if len(self.lines) == 1 else f"{first} to {last}"

    def body(self) -> bytes:
        if len(self.lines) == 1:
            return self.lines[0].text
        frames = b",".join(line.frames for line in self.lines if line.frames)
        return b'{"%b":[%b]}' % (self.signal.member.encode(), frames)

    def halves(self) -> Sequence[Upload]:
        middle = len(self.lines) // 2
        return [Lines(part, self.position) for part in (self.lines[:middle], self.lines[middle:])] if middle else ()

    def rejected(self) -> Iterator[Note]:
        """Notes of the studio's own decoder, which is called when a studio rejects spans."""
        for line in self.lines:
            decoded = line.signal.decode(line.text)
            if decoded.rejected:
                yield Note(line.where, decoded.message)


def are_logs(rows: pa.Table) -> AnyColumn | None:
    """Which rows of a segment are log records; ``None`` when none is, or the file has no such column."""
    if "kind" not in rows.column_names or not pa.types.is_integer(rows["kind"].type):
        return None
    is_log: AnyColumn = pc.is_in(rows["kind"], value_set=pa.array([LOG], rows["kind"].type))
    return is_log if pc.any(is_log).as_py() else None


@attrs.frozen
class Rows:
    """Rows of a Parquet file of a studio: of spans, or of log records."""

    rows: pa.Table = attrs.field(repr=False)
    first: int  # the number of the first of them, from 1
    position: int
    content_type: str = JSON

    @property
    def signal(self) -> Signal:
        if "severity_number" in self.rows.column_names:
            return LOGS
        is_log = are_logs(self.rows)
        return LOGS if is_log is not None and pc.all(is_log).as_py() else SPANS

    @property
    def items(self) -> int:
        return int(self.rows.num_rows)

    @property
    def where(self) -> str:
        return f"row {self.first}" if self.items == 1 else f"row {self.first} to row {self.first + self.items - 1}"

    def body(self) -> bytes:
        try:
            rows = shown(self.rows) if STORED in self.rows.column_names else self.rows
            if self.signal is LOGS:
                return logs_request(rows if "severity_number" in rows.column_names else log_table(rows))
            return otlp_request(rows)
        except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as fault:
            raise Unreadable(f"not a {self.signal.noun} as a studio exports it") from fault

    def halves(self) -> Sequence[Upload]:
        middle = self.items // 2
        if not middle:
            return ()
        return [
            Rows(self.rows.slice(0, middle), self.first, self.position),
            Rows(self.rows.slice(middle), self.first + middle, self.position),
        ]

    def rejected(self) -> Iterator[Note]:
        return iter(())


@attrs.frozen
class Request:
    """A file that is one request in protobuf."""

    content: bytes = attrs.field(repr=False)
    items: int
    where: str = ""
    signal: Signal = SPANS
    content_type: str = PROTOBUF

    @property
    def position(self) -> int:
        return len(self.content)

    def body(self) -> bytes:
        return self.content

    def halves(self) -> Sequence[Upload]:
        return ()

    def rejected(self) -> Iterator[Note]:
        return iter(())

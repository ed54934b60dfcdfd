"""Parts of a file of spans: requests to send, and notes about parts that cannot be sent."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs
import pyarrow as pa

from actors.span_store.columns.attribute_column import STORED, shown
from transports.otlp.decode_json import decode_trace_json
from transports.otlp.encode_json import otlp_request

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


class Unreadable(Exception):
    """A part of a file is malformed; the text says why."""


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
    def spans(self) -> int:
        """Number of its spans, including those that a studio will reject."""

    @property
    def position(self) -> int:
        """Number of bytes of the file up to its end."""

    @property
    def content_type(self) -> str: ...

    def body(self) -> bytes:
        """The request itself. Raises ``Unreadable``."""

    def halves(self) -> "Sequence[Upload]":
        """Two smaller uploads with the same spans; none when it cannot be divided."""

    def rejected(self) -> Iterator[Note]:
        """Notes about the spans that a studio will reject, as far as they are known here."""


@attrs.frozen
class Line:
    """A line of OTLP/JSON, or a whole document. ``frames`` is the inside of its ``resourceSpans``, to join with others.

    It is ``None`` where joining would change the meaning: then the line is sent as it is.
    """

    where: str
    text: bytes = attrs.field(repr=False)
    spans: int
    frames: bytes | None = attrs.field(repr=False)


@attrs.frozen
class Lines:
    """Lines that are sent together."""

    lines: Sequence[Line]
    position: int
    content_type: str = JSON

    @property
    def spans(self) -> int:
        return sum(line.spans for line in self.lines)

    @property
    def where(self) -> str:
        first, last = self.lines[0].where, self.lines[-1].where
        return first if len(self.lines) == 1 else f"{first} to {last}"

    def body(self) -> bytes:
        if len(self.lines) == 1:
            return self.lines[0].text
        return b'{"resourceSpans":[' + b",".join(line.frames for line in self.lines if line.frames) + b"]}"

    def halves(self) -> Sequence[Upload]:
        middle = len(self.lines) // 2
        return [Lines(part, self.position) for part in (self.lines[:middle], self.lines[middle:])] if middle else ()

    def rejected(self) -> Iterator[Note]:
        """Notes of the studio's own decoder, which is called when a studio rejects spans."""
        for line in self.lines:
            decoded = decode_trace_json(line.text)
            if decoded.rejected:
                yield Note(line.where, decoded.message)


@attrs.frozen
class Rows:
    """Rows of a Parquet file of a studio."""

    rows: pa.Table = attrs.field(repr=False)
    first: int  # the number of the first of them, from 1
    position: int
    content_type: str = JSON

    @property
    def spans(self) -> int:
        return int(self.rows.num_rows)

    @property
    def where(self) -> str:
        return f"row {self.first}" if self.spans == 1 else f"row {self.first} to row {self.first + self.spans - 1}"

    def body(self) -> bytes:
        try:
            return otlp_request(shown(self.rows) if STORED in self.rows.column_names else self.rows)
        except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as fault:
            raise Unreadable("not a span as a studio exports it") from fault

    def halves(self) -> Sequence[Upload]:
        middle = self.spans // 2
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
    spans: int
    where: str = ""
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

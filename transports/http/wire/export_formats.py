"""File formats of a download: encoders of rows of the span store, part by part."""

from abc import ABC, abstractmethod

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from actors.span_store.columns.logs import log_table
from actors.span_store.columns.spans import LOG
from actors.span_store.columns.types import AnyColumn, Untold
from transports.http.framework.compression import GzipStream
from transports.otlp.encode_json import log_lines, otlp_lines

_INTERNAL = "seq"  # the number of a span in the store that it comes from
_FORMULA = "\\A[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # also the wide forms of East Asian keyboards


class Encoder(ABC):
    """Encoder of one download. Memory does not grow with its length. ``add`` is called once at least."""

    content_type: str
    is_text: bool = True

    @abstractmethod
    def add(self, rows: pa.Table) -> bytes:
        """Encode rows, behind the file's header if they are the first. CPU-heavy."""

    @abstractmethod
    def end(self) -> bytes:
        """Return the end of the file."""


class JsonLines(Encoder):
    """OTLP/JSON, one span or one log record to a line."""

    content_type = "application/x-ndjson"

    def add(self, rows: pa.Table) -> bytes:
        is_log: Untold = pc.equal(rows["kind"], pa.scalar(LOG, pa.int32()))
        spans, logs = rows.filter(pc.invert(is_log)), rows.filter(is_log)
        return otlp_lines(spans) + log_lines(log_table(logs))

    def end(self) -> bytes:
        return b""


class CsvText(Encoder):
    """CSV with a header, quoted as in RFC 4180, UTF-8 and LF; nested values are JSON text.

    Text that a spreadsheet would take for a formula gets an apostrophe before it: a span's name comes from anywhere.
    """

    content_type = "text/csv"

    def __init__(self) -> None:
        self._begun = False

    def add(self, rows: pa.Table) -> bytes:
        sink = pa.BufferOutputStream()
        shown = without_formulas(_without_number(rows))
        pa_csv.write_csv(shown, sink, pa_csv.WriteOptions(include_header=not self._begun))
        self._begun = True
        text: bytes = sink.getvalue().to_pybytes()
        return text

    def end(self) -> bytes:
        return b""


class ParquetFile(Encoder):
    """Parquet with zstd. Only the footer's metadata stay in memory, a few kilobytes a part."""

    content_type = "application/vnd.apache.parquet"
    is_text = False  # and small inside already

    def __init__(self) -> None:
        self._sink = _Drained()
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> bytes:
        shown = _without_number(rows)
        if self._writer is None:
            sink: Untold = self._sink  # which has what is asked of a file, and no more
            self._writer = pq.ParquetWriter(sink, shown.schema, compression="zstd")
        if shown.num_rows:
            self._writer.write_table(shown, row_group_size=shown.num_rows)
        return self._sink.drain()

    def end(self) -> bytes:
        if self._writer is not None:
            self._writer.close()
        return self._sink.drain()


class LogColumns(Encoder):
    """Log records with columns of their own, in a format that is a table."""

    def __init__(self, encoder: Encoder) -> None:
        self.content_type = encoder.content_type
        self.is_text = encoder.is_text
        self._encoder = encoder

    def add(self, rows: pa.Table) -> bytes:
        return self._encoder.add(log_table(rows))

    def end(self) -> bytes:
        return self._encoder.end()


class Gzipped(Encoder):
    """Gzip around another encoder."""

    def __init__(self, encoder: Encoder) -> None:
        self.content_type = encoder.content_type
        self._encoder = encoder
        self._gzip = GzipStream()

    def add(self, rows: pa.Table) -> bytes:
        return self._gzip.add(self._encoder.add(rows))

    def end(self) -> bytes:
        return self._gzip.end(self._encoder.end())


def _without_number(rows: pa.Table) -> pa.Table:
    return rows.drop_columns(_INTERNAL) if _INTERNAL in rows.column_names else rows


def without_formulas(rows: pa.Table) -> pa.Table:
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column: AnyColumn = rows.column(place)
            is_formula = pc.match_substring_regex(column, _FORMULA)
            apostrophe: Untold = pa.scalar("'", field.type)
            harmless = pc.binary_join_element_wise(apostrophe, column, pa.scalar("", field.type))
            rows = rows.set_column(place, field, pc.if_else(is_formula, harmless, column))
    return rows


class _Drained:
    """A file object whose content is taken away as it is written."""

    closed = False  # asked for by Arrow

    def __init__(self) -> None:
        self._held = bytearray()
        self._position = 0

    def write(self, data: bytes) -> int:
        self._held += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: there is no further buffer."""

    def drain(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken

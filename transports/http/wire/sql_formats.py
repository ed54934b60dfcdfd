"""Answers to statements of SQL in four formats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import count
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from actors.span_store.asked.sql import SqlAnswer
from actors.span_store.columns.types import AnyColumn
from transports.http.wire.export_formats import without_formulas
from transports.http.wire.plain_values import as_text, plain_values, storable


class SqlFormat(Enum):
    """Formats of an answer."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


MEDIA_TYPES: Final[Mapping[SqlFormat, str]] = {
    SqlFormat.JSON: "application/json",
    SqlFormat.CSV: "text/csv",
    SqlFormat.ARROW: "application/vnd.apache.arrow.stream",
    SqlFormat.PARQUET: "application/vnd.apache.parquet",
}


def render_sql(answer: SqlAnswer, format_: SqlFormat) -> bytes:
    """The whole answer. Takes a microsecond or some for each value."""
    return _RENDERED[format_](answer)


def _json(answer: SqlAnswer) -> bytes:
    columns = [{"name": column.name, "type": column.type} for column in answer.columns]
    return orjson.dumps(
        {
            "columns": columns,
            "rows": list(zip(*(plain_values(column, type_) for column, type_ in _typed(answer)), strict=True)),
            "truncated": answer.truncated,
            "elapsed_ms": answer.elapsed_ms,
        }
    )


def _csv(answer: SqlAnswer) -> bytes:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it, and so do names of columns."""
    columns = [column if _is_plain(column.type) else as_text(column, type_) for column, type_ in _typed(answer)]
    named = without_formulas(pa.table({"name": pa.array(_names(answer), pa.string())}))
    names: list[Any] = named["name"].to_pylist()
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(without_formulas(_table(columns, names)), sink)
    text: bytes = sink.getvalue().to_pybytes()
    return text


def _arrow(answer: SqlAnswer) -> bytes:
    table = answer.table.rename_columns(_names(answer))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _parquet(answer: SqlAnswer) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        _table([storable(column) for column in answer.table.columns], _names(answer)), sink, compression="zstd"
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _table(columns: Sequence[AnyColumn], names: Sequence[str]) -> pa.Table:
    fields: list[Any] = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(list(columns), schema=pa.schema(fields))


def _typed(answer: SqlAnswer) -> Iterator[tuple[AnyColumn, str]]:
    return zip(answer.table.columns, (column.type for column in answer.columns), strict=True)


def _is_plain(kind: Any) -> bool:  # noqa: ANN401 - a type of Arrow's
    return bool(
        pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _names(answer: SqlAnswer) -> list[str]:
    """The names of the columns, those that came before with a number: no table has two of one name."""
    found: list[str] = []
    for column in answer.columns:
        others = (f"{column.name}_{number}" for number in count(1))
        found.append(column.name if column.name not in found else next(name for name in others if name not in found))
    return found


_RENDERED: Final[Mapping[SqlFormat, Callable[[SqlAnswer], bytes]]] = {
    SqlFormat.JSON: _json,
    SqlFormat.CSV: _csv,
    SqlFormat.ARROW: _arrow,
    SqlFormat.PARQUET: _parquet,
}

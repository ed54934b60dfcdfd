"""Columns that are read of the spans themselves: attributes, messages, and all that a log record says."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom, TooLarge
from actors.span_store.columns.attribute_column import STORED, json_objects, shown
from actors.span_store.columns.logs import StoredLog, stored_log
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.types import AnyArray, Untold
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.span_table import IN_MEMORY
from actors.span_store.embedded.sealed.segment_file import read_rows, segment_path
from actors.span_store.traces.previews import PREVIEWS

_MOST_AT_ONCE: Final = 16 * 1024 * 1024  # bytes of rows that are read together
_LARGEST: Final = 64 * 1024 * 1024  # bytes of one row
# Of rows that are larger than that, so many bytes in one statement: DuckDB puts 2,048 rows together.
_LARGE, _MOST_LARGE = 128 * 1024, 512 * 1024 * 1024
TOO_LARGE: Final = (
    "The spans are too large to be looked through: narrow them down by columns that are not read span by span"
)
_LAST: Final = 2**63 - 2
_LOG_COLUMNS: Final = (
    "trace_id",
    "parent_span_id",
    "service_name",
    "name",
    "status_message",
    "events_json",
    STORED,
    "dropped_attributes_count",
    "flags",
    "resource_json",
    "scope_json",
    "exact_json",
)


@attrs.define
class Bodies:
    """Reads columns of rows that are somewhere.

    ``NeedsRoom`` when these are too large to be read together, and ``TooLarge`` when all were too large altogether.
    """

    _stored: Stored
    _large: int = 0

    def read(self, view: str, names: Iterable[str], rows: pa.Table) -> dict[str, AnyArray]:
        """The columns of rows with their places. A row of a damaged segment has none, which is reported."""
        if view == "logs":
            return self._logs(list(names), rows)
        found = {name: self._column(name, rows) for name in names if name not in PREVIEW_COLUMNS}
        previewed = [name for name in names if name in PREVIEW_COLUMNS]
        return found | (self._previews(previewed, rows, only_roots=view == "traces") if previewed else {})

    def _column(self, name: str, rows: pa.Table) -> AnyArray:
        column, made = _MADE[name]
        table = self._whole(rows, [column])
        return made(table[column])

    def _previews(self, names: Sequence[str], rows: pa.Table, *, only_roots: bool) -> dict[str, AnyArray]:
        """Of rows with a type; in a list of traces only of their roots."""
        is_read: Untold = pc.is_valid(rows["type"])
        if only_roots:
            is_read = pc.and_(is_read, pc.is_null(rows["parent_span_id"]))
        at: Untold = pc.indices_nonzero(is_read)
        table = self._whole(rows.take(at), list(PREVIEWS.columns))
        is_known: Untold = pc.is_valid(table["events_json"])
        lines = dict(zip(at.filter(is_known).to_pylist(), PREVIEWS.read(table.filter(is_known)), strict=True))
        nothing = (None, None)
        return {
            name: pa.array(
                [lines.get(row, nothing)[PREVIEW_COLUMNS[name]] for row in range(rows.num_rows)], pa.string()
            )
            for name in names
        }

    def _logs(self, names: Sequence[str], rows: pa.Table) -> dict[str, AnyArray]:
        table = shown(self._whole(rows, list(_LOG_COLUMNS)))
        records = [None if row["events_json"] is None else stored_log(row) for row in table.to_pylist()]
        return {
            name: pa.array(
                [None if record is None else _OF_LOGS[name][0](record) for record in records], _OF_LOGS[name][1]
            )
            for name in names
        }

    def _whole(self, rows: pa.Table, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows, in their order."""
        segments, positions = (_values(rows[name]) for name in ("segment", "position"))
        by_segment: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for row, (segment, position) in enumerate(zip(segments, positions, strict=True)):
            by_segment[segment].append((position, row))
        tables, order = [pa.schema([ROWS.field(name) for name in columns]).empty_table()], []
        for segment, members in by_segment.items():
            members.sort()
            tables.append(self._in_segment(segment, [position for position, _ in members], columns))
            order += [row for _, row in members]
        table = pa.concat_tables(tables)
        self._demand_small(table)
        back = [0] * len(order)
        for place, row in enumerate(order):
            back[row] = place
        return table.take(pa.array(back, pa.int64())) if back != list(range(len(back))) else table

    def _in_segment(self, segment: int, positions: Sequence[int], columns: Sequence[str]) -> pa.Table:
        if segment == IN_MEMORY:
            return pa.concat_tables(self._stored.view.recent.take(positions, columns))
        path = segment_path(self._stored.segments, segment)
        read = partial(read_rows, path, positions, columns, room=_LARGEST)
        found = self._stored.damage.skipped(self._stored.cursor, path.name, read)
        if found is not None:
            return found
        return pa.table({name: pa.nulls(len(positions), ROWS.field(name).type) for name in columns})

    def _demand_small(self, table: pa.Table) -> None:
        if table.num_rows > 1 and table.nbytes > _MOST_AT_ONCE:
            raise NeedsRoom(table.nbytes)
        if table.num_rows and table.nbytes / table.num_rows > _LARGE:
            self._large += table.nbytes
        if self._large > _MOST_LARGE:
            raise TooLarge(TOO_LARGE)


def _texts(column: Untold) -> AnyArray:
    whole: AnyArray = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return whole


def _values(column: Untold) -> list[int]:
    values: list[int] = column.to_pylist()
    return values


def _attributes(column: Untold) -> AnyArray:
    known = column.is_valid().to_pylist()
    texts = zip(json_objects(column), known, strict=True)
    return pa.array([text.decode() if is_known else None for text, is_known in texts], pa.string())


def _resources(column: Untold) -> AnyArray:
    """The attributes of resources, each different text read once."""
    encoded: Untold = _texts(column).dictionary_encode()
    texts = [None if text is None else _inner(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _inner(text: str) -> str:
    return orjson.dumps(orjson.loads(text).get("attributes", {})).decode()


def _time(nanoseconds: int) -> int | None:
    return nanoseconds if 0 < nanoseconds <= _LAST else None


_TIME: Final = pa.timestamp("ns")
PREVIEW_COLUMNS: Final[Mapping[str, int]] = {"input_preview": 0, "output_preview": 1}
_MADE: Final[Mapping[str, tuple[str, Callable[[Any], AnyArray]]]] = {
    "status_message": ("status_message", _texts),
    "attributes": (STORED, _attributes),
    "resource": ("resource_json", _resources),
}
_OF_LOGS: Final[Mapping[str, tuple[Callable[[StoredLog], Any], pa.DataType]]] = {
    "time": (lambda log: _time(log.time_unix_nano), _TIME),
    "observed_time": (lambda log: _time(log.observed_time_unix_nano), _TIME),
    "severity_number": (lambda log: log.severity_number, pa.int32()),
    "severity": (lambda log: log.severity_text, pa.string()),
    "event_name": (lambda log: log.event_name, pa.string()),
    "body": (lambda log: log.body_json, pa.string()),
    "attributes": (lambda log: log.attributes_json, pa.string()),
    "resource": (lambda log: _inner(log.resource_json), pa.string()),
}

"""Spans as the readers of runs see them, from columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
import pyarrow as pa

from actors.span_store.columns.attribute_column import STORED, json_objects
from actors.span_store.traces.summaries import STATUSES
from actors.workflows.span import Span

# What all spans of a trace are asked for, and what those are asked for that say something of runs.
LIGHT: Final = (
    *("trace_id", "span_id", "parent_span_id", "service_name", "name", "start_time_unix_nano", "end_time_unix_nano"),
    *("status_code", "status_message", "dropped_attributes_count", "dropped_events_count"),
)
WHOLE: Final = (*LIGHT, STORED, "events_json")
_TRANSITION: Final = '"set_state"'


def run_spans(table: pa.Table) -> Iterator[Span]:
    """The spans of a table with the columns ``LIGHT`` or ``WHOLE``. Of events it takes those of spans with any step."""
    attributes = json_objects(table[STORED]) if STORED in table.column_names else iter(())
    for row in table.drop_columns([STORED] if STORED in table.column_names else []).to_pylist():
        yield _span(row, orjson.loads(next(attributes, b"{}")), _events(row.get("events_json", "[]")))


def _span(row: Mapping[str, Any], attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Span:
    code = row["status_code"]
    return Span(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_span_id=row["parent_span_id"],
        service=row["service_name"],
        name=row["name"],
        start_time_unix_nano=row["start_time_unix_nano"],
        end_time_unix_nano=row["end_time_unix_nano"] or None,
        status=STATUSES[code] if 0 <= code < len(STATUSES) else STATUSES[0],
        status_message=row["status_message"],
        attributes=attributes,
        events=events,
        dropped_attributes=row["dropped_attributes_count"],
        dropped_events=row["dropped_events_count"],
    )


def _events(text: str) -> list[dict[str, Any]]:
    return orjson.loads(text) if _TRANSITION in text else []

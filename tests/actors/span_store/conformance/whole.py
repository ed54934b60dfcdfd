"""All that a storage has of some traces, for a plain evaluation."""

from collections.abc import Iterable

import pyarrow as pa

from actors.span_store.columns.rows import ROWS
from actors.span_store.storage import SpanStorage, TraceColumns
from tests.actors.span_store.conformance.steps import trace_id


async def all_rows(storage: SpanStorage, traces: Iterable[int]) -> pa.Table:
    """The spans of the traces with these numbers, with all columns."""
    asked = (TraceColumns(trace_id=trace_id(number), columns=tuple(ROWS.names)) for number in traces)
    return pa.concat_tables([await storage.columns(each) for each in asked])

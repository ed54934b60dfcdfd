"""The outline of a trace: all of its spans as a few columns of numbers, for a picture of traces of any size."""

import attrs
import pyarrow as pa

from actors.span_store.columns.types import AnyField
from actors.span_store.traces.summary import TraceSummary

MOST_ROWS = 200_000

# In the order of an answer. Those of a dictionary have the index of a name, -1 for none.
_FIELDS: list[AnyField] = [
    pa.field("span_id", pa.string()),
    pa.field("parent", pa.int32()),  # its row; -1 for a root, -2 for one that is not here
    pa.field("start_us", pa.int64()),  # microseconds since the origin
    pa.field("duration_us", pa.int64()),  # null while it runs
    pa.field("name", pa.int32()),
    pa.field("service", pa.int32()),
    pa.field("type", pa.int32()),
    pa.field("model", pa.int32()),
    pa.field("status", pa.int32()),
    pa.field("input_tokens", pa.int64()),
    pa.field("output_tokens", pa.int64()),
    pa.field("cost_usd", pa.float64()),
    pa.field("counted", pa.bool_()),
    pa.field("errors", pa.int32()),  # events that are exceptions
    pa.field("events", pa.int32()),
]
COLUMNS = pa.schema(_FIELDS)


@attrs.frozen(kw_only=True)
class Outline:
    """``columns`` have a row for each span, by start, then id; the first 200,000 of them when it is ``truncated``."""

    trace: TraceSummary
    count: int  # of all spans of the trace
    origin_unix_nano: int  # the earliest start
    truncated: bool
    dictionaries: dict[str, tuple[str, ...]]  # name, service, type, model, status
    columns: pa.Table = attrs.field(repr=False)

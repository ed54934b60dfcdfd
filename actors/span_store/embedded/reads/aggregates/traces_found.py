"""Traces that have a span which a filter is true of, as a condition of SQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from actors.span_store.embedded.reads.span_table import LISTED
from actors.span_store.query.expression import EVERYTHING, Expression
from actors.span_store.query.sql import Condition, condition

EVERY_TRACE = Condition("TRUE", [])
_RIGHT = "right_span"


@contextmanager
def traces_found(
    cursor: duckdb.DuckDBPyConnection, where: Expression, spans: str, right: pa.Table | None
) -> Iterator[Condition]:
    """A condition on ``trace_id``, as long as the block lasts. ``spans`` is that of ``SpanTable.relation``.

    ``right`` has the numbers of the spans, in a column ``seq``, where the index cannot tell which ones they are.
    """
    if where == EVERYTHING:
        yield EVERY_TRACE
    elif right is None:
        made = condition(where, LISTED)
        yield Condition(f"trace_id IN (SELECT trace_id FROM {spans} WHERE {made.text})", made.parameters)  # noqa: S608 - own names, see ``sql``
    else:
        cursor.register(_RIGHT, right)
        try:
            are_right = f"seq IN (SELECT seq FROM {_RIGHT})"  # noqa: S608 - own name
            yield Condition(f"trace_id IN (SELECT trace_id FROM {spans} WHERE {are_right})", [])  # noqa: S608 - own names
        finally:
            cursor.unregister(_RIGHT)

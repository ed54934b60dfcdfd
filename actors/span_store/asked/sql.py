"""One statement of SQL about what is stored, and its rows."""

from typing import Final

import attrs
import pyarrow as pa

from actors.runtime.messages import Request
from actors.span_store.columns.types import AnyField

MOST_ROWS: Final = 100_000
MOST_STATEMENT: Final = 10_000  # characters
SECONDS: Final = 10.0  # that a statement may run
_SCORE_FIELDS: list[AnyField] = [
    pa.field("id", pa.string()),
    pa.field("trace_id", pa.string()),
    pa.field("span_id", pa.string()),
    pa.field("name", pa.string()),
    pa.field("value", pa.float64()),
    pa.field("word", pa.string()),
    pa.field("comment", pa.string()),
    pa.field("source", pa.string()),
    pa.field("created_at", pa.timestamp("ns")),
    pa.field("scored_by", pa.string()),
]
SCORES: Final = pa.schema(_SCORE_FIELDS)  # what the view of this name is made of


@attrs.frozen(kw_only=True)
class SqlColumn:
    """A column of an answer: its name, and its type as SQL says it, such as ``BIGINT``."""

    name: str
    type: str


@attrs.frozen(kw_only=True)
class SqlAnswer:
    """The rows in their order, ``columns`` beside each other in ``table``, whose own names may be others.

    ``truncated`` when there were more rows than were asked for.
    """

    columns: tuple[SqlColumn, ...]
    table: pa.Table
    truncated: bool
    elapsed_ms: float


@attrs.frozen(kw_only=True)
class QuerySql(Request[SqlAnswer]):
    """Run one SELECT over the views of ``docs/sql.md``; the first ``limit`` rows.

    ``scores`` are those of ``TableScores``, which the view ``scores`` shows; without them it is empty.

    ``InvalidRequest`` with a problem ``sql_error`` for a statement that is none, and for one that fails, and
    ``sql_forbidden`` for what it may not have, at ``("body", "sql", COLUMN)``. ``DeadlineExceeded`` when it takes more
    than ``SECONDS``, ``TooLarge`` when it takes more memory than it may have or its answer more bytes, ``NeedsRoom``
    when the answer takes more than ``room``.
    """

    sql: str = attrs.field(validator=attrs.validators.max_len(MOST_STATEMENT))
    limit: int = attrs.field(default=1000, validator=[attrs.validators.ge(1), attrs.validators.le(MOST_ROWS)])
    scores: pa.Table | None = attrs.field(default=None, eq=False, repr=False)
    room: int | None = None

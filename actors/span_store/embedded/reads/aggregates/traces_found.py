"""Traces that have a span which a filter is true of, as a condition of SQL."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa

from actors.errors import DeadlineExceeded, InvalidRequest
from actors.span_store.embedded.damage import Damage
from actors.span_store.embedded.reads.row_location import RowLocation, behind
from actors.span_store.embedded.reads.span_table import INDEXED, SpanTable, View
from actors.span_store.embedded.reads.walk import Files, Walk
from actors.span_store.embedded.sealed.manifest import Segment
from actors.span_store.embedded.text.ngram_files import NgramFiles
from actors.span_store.messages import Cursor
from actors.span_store.query.expression import EVERYTHING, SPANS, And, Expression, weakened
from actors.span_store.query.sql import Condition, condition

EVERY_TRACE = Condition("TRUE", [])
_TABLE = "matching_trace"
_TOGETHER = 8192  # spans that are found at once
_MOST = 1_000_000  # traces, of which each takes a hundred bytes
_LONGEST = 20.0  # seconds that spans are gone through: whoever asked has left by then


@attrs.frozen
class Matching:
    """Finds the traces: by the index where it can tell, else by going through the spans that it cannot rule out."""

    _cursor: duckdb.DuckDBPyConnection
    _table: SpanTable
    _view: View
    _segments: Path
    _damage: Damage
    _ngrams: NgramFiles

    @contextmanager
    def traces(self, where: Expression, spans: str) -> Iterator[Condition]:
        """A condition on ``trace_id``, as long as the block lasts. ``spans`` is that of ``SpanTable.relation``."""
        if where == EVERYTHING:
            yield EVERY_TRACE
            return
        made = condition(where, INDEXED)
        if made.exact:
            yield Condition(f"trace_id IN (SELECT trace_id FROM {spans} WHERE {made.text})", made.parameters)  # noqa: S608 - own names, see ``sql``
            return
        self._cursor.register(_TABLE, pa.table({"trace_id": pa.array(self._walked(where), pa.string())}))
        try:
            yield Condition(f"trace_id IN (SELECT trace_id FROM {_TABLE})", [])  # noqa: S608 - own name
        finally:
            self._cursor.unregister(_TABLE)

    def _walked(self, where: Expression) -> set[str]:
        wanted = And([where, SPANS])
        answerable, _ = weakened(wanted, INDEXED)
        files = Files(self._segments, self._ngrams, self._view.sealed, wanted)
        deadline = time.monotonic() + _LONGEST

        def candidates(after: Cursor | None, limit: int, has_any: Callable[[Segment], bool]) -> Sequence[RowLocation]:
            _demand_time(deadline)
            return self._table.newest(And([answerable, behind(after)]), limit, has_any)

        found: set[str] = set()
        after: Cursor | None = None
        while True:
            walk = Walk(wanted, files, self._cursor, self._damage, soon=math.inf, budget=math.inf)
            page = walk.run(candidates, self._view.recent, after, _TOGETHER)
            found.update(place.trace_id for place in page.places)
            if len(found) > _MOST:
                raise InvalidRequest(f"The filter finds more than {_MOST} traces: ask for a shorter time")
            if page.goes_on is None:
                return found
            after = page.goes_on


def _demand_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise DeadlineExceeded("The filter takes too long: ask for a shorter time")

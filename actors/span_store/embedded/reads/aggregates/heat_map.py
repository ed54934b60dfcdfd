"""Heat maps: first how far times and values reach, then the cells."""

from collections.abc import Callable, Sequence

import attrs
import duckdb

from actors.span_store.asked.heat_map import Extent, GetHeatMap, Grid, HeatMap, Measured, grid_of
from actors.span_store.embedded.reads.aggregates.found_spans import found_spans
from actors.span_store.embedded.reads.aggregates.items import DURATION
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.span_table import SpanTable
from actors.span_store.query.expression import And, started_between
from actors.span_store.query.sql import Condition

_RIGHT = "heat_right"
_VALUES = {
    Measured.DURATION: f"({DURATION})::UBIGINT",
    Measured.COST: "CASE WHEN counted THEN cost_usd END",
    Measured.TOKENS: (
        "CASE WHEN counted AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL) "
        "THEN greatest(coalesce(input_tokens, 0), 0)::UBIGINT + greatest(coalesce(output_tokens, 0), 0)::UBIGINT END"
    ),
}


def read_heat_map(stored: Stored, request: GetHeatMap, is_left: Callable[[], bool]) -> HeatMap:
    """Answer what is asked. ``is_left`` says that nobody waits for it any more."""
    request.demand_room()
    table = SpanTable(stored.cursor, stored.view)
    wanted = And([request.where, started_between(request.since, request.until)])
    with found_spans(stored, table, wanted, is_left, _RIGHT) as made, table.relation() as spans:
        return _Map(stored.cursor, spans, made, request).answer()


@attrs.frozen
class _Map:
    """One request, the relation that has the spans, and the condition that these fulfil."""

    cursor: duckdb.DuckDBPyConnection
    spans: str
    wanted: Condition
    request: GetHeatMap

    def answer(self) -> HeatMap:
        grid = grid_of(self.request, self._extent())
        counts, errors = ([[0] * grid.rows for _ in range(grid.columns)] for _ in range(2))
        for column, row, count, failed in self._cells(grid):
            if 0 <= column < grid.columns:  # what came meanwhile has no column
                counts[column][row], errors[column][row] = count, failed
        return HeatMap(
            begin=grid.begin, step=grid.step, edges=grid.edges, counts=_frozen(counts), errors=_frozen(errors)
        )

    def _extent(self) -> Extent:
        [found] = self.cursor.execute(
            "SELECT min(start), max(start), min(value), min(value) FILTER (value > 0), max(value) "  # noqa: S608 - own names
            f"FROM {self._items}",
            self.wanted.parameters,
        ).fetchall()
        return Extent(*found)

    def _cells(self, grid: Grid) -> Sequence[tuple[int, int, int, int]]:
        if grid.begin is None or grid.step is None or not grid.rows:
            return []
        column = f"({_since(grid.begin)}) // {grid.step}::UBIGINT"
        row = _numbered([_literal(edge, self.request.y) for edge in grid.edges[1:-1]], 0)
        return self.cursor.execute(
            f"SELECT {column} AS x, {row} AS y, count(*), count(*) FILTER (failed) FROM {self._items} GROUP BY ALL",  # noqa: S608 - own names, numbers
            self.wanted.parameters,
        ).fetchall()

    @property
    def _items(self) -> str:
        return (
            f"(SELECT start_time_unix_nano AS start, status_code = 2 AS failed, {_VALUES[self.request.y]} AS value "  # noqa: S608 - own names
            f"FROM {self.spans} WHERE ({self.wanted.text}) AND value IS NOT NULL)"
        )


def _numbered(edges: Sequence[str], first: int) -> str:
    """How many of the edges a value is not below, from ``first`` on; few comparisons find it."""
    if not edges:
        return str(first)
    middle = len(edges) // 2
    below, above = _numbered(edges[:middle], first), _numbered(edges[middle + 1 :], first + middle + 1)
    return f"CASE WHEN value < {edges[middle]} THEN {below} ELSE {above} END"


def _literal(edge: float, y: Measured) -> str:
    """In the type of the values, to the last digit."""
    return f"{edge}::UBIGINT" if y.is_whole else f"'{edge!r}'::DOUBLE"


def _since(begin: int) -> str:
    """In types without a sign, as starts have."""
    return f"start - {begin}::UBIGINT" if begin >= 0 else f"start + {-begin}::UBIGINT"


def _frozen(cells: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, cells))

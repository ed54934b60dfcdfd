"""A heat map in plain Python: what any engine's are held against."""

from typing import Any

import pyarrow as pa

from actors.span_store.asked.heat_map import Extent, GetHeatMap, HeatMap, Measured, grid_of
from tests.actors.span_store.plain_counting import counted_ids, filter_among

_ERROR = 2


def heat_map_of(rows: pa.Table, request: GetHeatMap) -> HeatMap:
    """Of all spans that are stored, with all columns."""
    request.demand_room()
    right = set(filter_among(request.where, rows).rows(rows)["seq"].to_pylist())
    items = [
        (row["start_time_unix_nano"], value, row["status_code"] == _ERROR)
        for row in with_counted(rows)
        if row["seq"] in right
        and (request.since or 0) <= row["start_time_unix_nano"]
        and (request.until is None or row["start_time_unix_nano"] < request.until)
        and (value := _value(row, request.y)) is not None
    ]
    starts, values = [item[0] for item in items], [item[1] for item in items]
    least = min((value for value in values if value > 0), default=None)
    ends = min(starts, default=None), max(starts, default=None)
    grid = grid_of(request, Extent(*ends, min(values, default=None), least, max(values, default=None)))
    counts, errors = ([[0] * grid.rows for _ in range(grid.columns)] for _ in range(2))
    for start, value, failed in items:
        column = (start - (grid.begin or 0)) // (grid.step or 1)
        row = sum(edge <= value for edge in grid.edges[1:-1])
        counts[column][row] += 1
        errors[column][row] += failed
    frozen = (tuple(map(tuple, cells)) for cells in (counts, errors))
    return HeatMap(
        begin=grid.begin, step=grid.step, edges=grid.edges, **dict(zip(("counts", "errors"), frozen, strict=True))
    )


def with_counted(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows as dictionaries, with ``counted``."""
    traces: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        traces.setdefault(row["trace_id"], []).append(row)
    found = []
    for spans in traces.values():
        ids = counted_ids(pa.Table.from_pylist(spans, rows.schema))
        found += [row | {"counted": row["span_id"] in ids} for row in spans]
    return found


def _value(row: dict[str, Any], y: Measured) -> float | None:
    if y is Measured.DURATION:
        start, end = row["start_time_unix_nano"], row["end_time_unix_nano"]
        return max(0, end - start) if end else None
    if not row["counted"]:
        return None
    if y is Measured.COST:
        cost: float | None = row["cost_usd"]
        return cost
    known = [row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None]
    return sum(known) if known else None

"""Keyset pages in SQL: what is behind a place in a list, and which part of it comes next."""

from typing import Any

import attrs

from actors.span_store.asked.lists import ListSpans, ListTraces, Place, Sort

_UNSIGNED = "UBIGINT"
_LAST = 2**64 - 1  # OTLP has 64 bits for a time
# Of a span, cut off: whole numbers have one sum, in whatever order they come.
PICODOLLARS = "(CASE WHEN cost_usd IS NOT NULL THEN floor(least(greatest(cost_usd, -1e15), 1e15) * 1e12)::HUGEINT END)"


@attrs.frozen
class Clause:
    """A condition of SQL and its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()


EVERY = Clause("TRUE")


def all_of(*clauses: Clause) -> Clause:
    text = " AND ".join(f"({each.text})" for each in clauses if each is not EVERY) or "TRUE"
    return Clause(text, tuple(value for each in clauses for value in each.parameters))


def times_of(request: ListTraces | ListSpans) -> tuple[int, int]:
    """First and last start, both included, that are asked for. None is when the first is behind the last."""
    first = max(0, request.from_time_unix_nano or 0)
    last = _LAST if request.to_time_unix_nano is None else min(_LAST, request.to_time_unix_nano - 1)
    return first, last


def within(column: str, times: tuple[int, int]) -> Clause:
    first, last = times
    if first > last:
        return Clause("FALSE")
    bounds = [(">=", first)] * (first > 0) + [("<=", last)] * (last < _LAST)
    text = " AND ".join(f"{column} {operator} ?::UBIGINT" for operator, _ in bounds)
    return Clause(text, tuple(bound for _, bound in bounds)) if bounds else EVERY


def behind(after: Place | None, sort: Sort, value: str, kind: str, ids: tuple[str, ...] = ("trace_id",)) -> Clause:
    """What comes behind a place in a list by ``value``, of this type of SQL, then ``ids``."""
    if after is None:
        return EVERY
    named = (after.trace_id, after.span_id)[: len(ids)]
    marks = ", ".join("?" * len(ids))
    further = f"({', '.join(ids)}) > ({marks})" if len(ids) > 1 else f"{ids[0]} > ?"
    if after.value is None:
        return Clause(f"{value} IS NULL AND {further}", named)
    value_behind = min(max(after.value, 0), _LAST) if kind == _UNSIGNED else after.value
    mark = f"?::{kind}"
    operator = ">" if sort is Sort.OLDEST else "<"
    none = "" if sort in (Sort.NEWEST, Sort.OLDEST) else f" OR {value} IS NULL"
    return Clause(
        f"{value} {operator} {mark}{none} OR ({value} = {mark} AND {further})", (value_behind, value_behind, *named)
    )


def order_by(sort: Sort, value: str, ids: tuple[str, ...] = ("trace_id",)) -> str:
    direction = "ASC" if sort is Sort.OLDEST else "DESC"
    return f"ORDER BY {value} {direction} NULLS LAST, {', '.join(ids)}"


def place_key(sort: Sort) -> Any:  # noqa: ANN401 - a function for ``sorted``
    """To sort places of a list by start."""
    sign = 1 if sort is Sort.OLDEST else -1
    return lambda place: (sign * (place.value or 0), place.trace_id, place.span_id)

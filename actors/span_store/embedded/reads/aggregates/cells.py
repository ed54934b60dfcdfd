"""Cells, and what is made of them: sums and quantiles of groups and of their buckets.

A cell has the items of a group, a bucket and a class of durations. Two more tables have classes of other values, and
one has the traces with scores.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import duckdb
import pyarrow as pa

from actors.span_store.asked.buckets import Run
from actors.span_store.asked.stats import Measures
from actors.span_store.embedded.reads.aggregates.items import MOST, TOKENS, sum_of
from actors.span_store.embedded.reads.aggregates.levels import OTHERS, Level, Place
from actors.span_store.embedded.reads.aggregates.registered import arrow_of, registered
from actors.span_store.embedded.reads.aggregates.sketches import class_of, quantiles
from actors.span_store.embedded.reads.aggregates.trace_scores import SCORES, score_sums
from actors.span_store.traces.summary import Tokens

TOP = "stats_top"  # the groups that are answered: their keys, and ``gid``
_CELL, _FIRST_TOKEN, _RATE, _SCORED = "stats_cell", "stats_first_token", "stats_rate", "stats_scored"
_DURATIONS, _FIRST_TOKENS, _RATES = (50, 90, 95, 99), (50, 95), (50,)
_SUMS = ", ".join(f"{sum_of(name)} AS {name}" for name in TOKENS)
_ADDED = ", ".join(f"sum({name})" for name in TOKENS)


class Cells:
    """Of items that are given in parts, which are read one after the other. Uses names on its cursor."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, names: Sequence[str], runs: Sequence[Run], *, is_all: bool
    ) -> None:
        """``names`` are the columns of items that are the keys of ``TOP``; without any, all are one group.

        ``is_all`` when no item is of another group: then cells are made first, and which group each is of, found out
        later.
        """
        self._cursor = cursor
        self._names = names if is_all else ()
        self._gid = "0" if not names or is_all else f"coalesce(gid, {OTHERS})"
        same = " AND ".join(f"item.{name} IS NOT DISTINCT FROM chosen.{name}" for name in names)
        self._joined = f" LEFT JOIN {TOP} AS chosen ON {same}" if names and not is_all else ""
        chosen = f"item JOIN {TOP} AS chosen ON {same}"
        self._chosen = f"SELECT item.* REPLACE (chosen.gid AS gid) FROM {_CELL} AS {chosen}"  # noqa: S608 - own names
        self._keys = "".join(f"item.{name}, " for name in self._names)
        self._bucket = _bucket(runs)
        self._tables: dict[str, list[pa.Table]] = {_CELL: [], _FIRST_TOKEN: [], _RATE: [], _SCORED: []}

    def add(self, items: str, parameters: Sequence[object], *, with_speed: bool, with_scores: bool) -> None:
        """Add those of a part of the items. Without ``with_speed`` it is known that no item says how fast it was.

        ``with_scores`` when ``SCORES`` has those of traces, and items have a ``trace_id``.
        """
        self._tables[_CELL].append(self._cells(items, parameters))
        if with_speed:
            self._tables[_FIRST_TOKEN].append(self._classes("first_token", items, parameters))
            self._tables[_RATE].append(self._classes("rate", items, parameters))
        if with_scores:
            self._tables[_SCORED].append(self._scored(items, parameters))

    def measures(self, levels: Sequence[Level]) -> dict[Place, Measures]:
        """What there is at each place that has any item."""
        with ExitStack() as stack:
            for name, tables in self._tables.items():
                if tables:
                    stack.enter_context(registered(self._cursor, name, pa.concat_tables(tables)))
            return {place: found for level in levels for place, found in self._at(level)}

    def _cells(self, items: str, parameters: Sequence[object]) -> pa.Table:
        query = f"""
            SELECT
                {self._keys}{self._gid} AS gid, {self._bucket} AS bucket, {class_of("duration")} AS class,
                count(*) AS n, sum(duration::DOUBLE) AS total, count(*) FILTER (failed) AS errors, {_SUMS},
                sum(cost_usd) AS cost_usd, sum(unpriced)::BIGINT AS unpriced
            FROM {items} AS item{self._joined} GROUP BY ALL
        """  # noqa: S608 - the parts are constants of these modules and numbers
        return self._grouped(arrow_of(self._cursor, query, parameters))

    def _classes(self, column: str, items: str, parameters: Sequence[object]) -> pa.Table:
        query = f"""
            SELECT
                {self._keys}{self._gid} AS gid, {self._bucket} AS bucket, {class_of(column)} AS class, count(*) AS n,
                sum({column}::DOUBLE) AS total
            FROM {items} AS item{self._joined} WHERE {column} IS NOT NULL GROUP BY ALL
        """  # noqa: S608 - as above
        return self._grouped(arrow_of(self._cursor, query, parameters))

    def _scored(self, items: str, parameters: Sequence[object]) -> pa.Table:
        query = f"""
            SELECT DISTINCT {self._keys}{self._gid} AS gid, {self._bucket} AS bucket, item.trace_id AS trace_id
            FROM {items} AS item{self._joined} WHERE item.trace_id IN (SELECT trace_id FROM {SCORES})
        """  # noqa: S608 - as above
        return self._grouped(arrow_of(self._cursor, query, parameters))

    def _grouped(self, cells: pa.Table) -> pa.Table:
        if not self._names:
            return cells
        with registered(self._cursor, _CELL, cells):
            grouped = arrow_of(self._cursor, self._chosen, ())
        return grouped.drop_columns(list(self._names))

    def _at(self, level: Level) -> Iterator[tuple[Place, Measures]]:
        durations = self._quantiles(_CELL, level, _DURATIONS)
        first_tokens = self._quantiles(_FIRST_TOKEN, level, _FIRST_TOKENS)
        rates = self._quantiles(_RATE, level, _RATES)
        scores = score_sums(self._cursor, _SCORED, level) if self._tables[_SCORED] else {}
        rows = self._cursor.execute(
            f"SELECT gid, {level.bucket} AS bucket, sum(n), sum(errors), {_ADDED}, fsum(cost_usd), sum(unpriced) "  # noqa: S608 - own names
            f"FROM {_CELL} GROUP BY ALL"
        ).fetchall()
        for gid, bucket, count, errors, *tokens, cost, unpriced in rows:
            place = Place(gid, bucket)
            yield (
                place,
                Measures(
                    count=count,
                    errors=errors,
                    tokens=_tokens(tokens),
                    cost_usd=cost,
                    unpriced=unpriced,
                    durations=durations.get(place),
                    first_tokens=first_tokens.get(place),
                    tokens_per_second=rates.get(place, (None,))[0],
                    score=scores.get(place),
                ),
            )

    def _quantiles(self, table: str, level: Level, percents: Sequence[int]) -> dict[Place, tuple[float, ...]]:
        return quantiles(self._cursor, table, level, percents) if self._tables[table] else {}


def _bucket(runs: Sequence[Run]) -> str:
    """The number of the bucket that an item starts in; 0 without any."""
    if not runs:
        return "0"
    numbers = [f"{run.first} + (({_since(run.begin)}) // {run.width}::UBIGINT)::INTEGER" for run in runs]
    whens = [f"WHEN start < {run.begin} THEN {number}" for run, number in zip(runs[1:], numbers, strict=False)]
    return f"CASE {' '.join(whens)} ELSE {numbers[-1]} END" if whens else numbers[0]


def _since(begin: int) -> str:
    """In types without a sign, as starts have: midnight may be before 1970."""
    return f"start - {begin}::UBIGINT" if begin >= 0 else f"start + {-begin}::UBIGINT"


def _tokens(sums: Sequence[int | None]) -> Tokens | None:
    """``None`` also for a sum that no reader of JSON could hold."""
    if all(each is None for each in sums):
        return None
    read = (None if each is None or each > MOST else int(each) for each in sums)
    return Tokens(**dict(zip(("input", "output", "cache_read", "cache_write", "reasoning"), read, strict=True)))

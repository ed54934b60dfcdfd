"""Quantiles from counts of classes of values, which can be added up: of a class of 2 %, the mean stands for each value.

A class of its own has nothing but zeros. The sketch is that of DDSketch, with a mean in place of a middle.
"""

from collections.abc import Sequence

import duckdb

from actors.span_store.embedded.reads.aggregates.levels import Level, Place

_GROWTH = 0.0188  # the logarithm of the ratio of two neighbours' ends, which is less than 1.02
_ZERO = -32768


def class_of(value: str) -> str:
    """The class of a column's value that is not negative; null for null."""
    return (
        f"CASE WHEN {value} > 0 THEN floor(ln({value}::DOUBLE) / {_GROWTH})::SMALLINT WHEN {value} = 0 THEN {_ZERO} END"
    )


def quantiles(
    cursor: duckdb.DuckDBPyConnection, table: str, level: Level, percents: Sequence[int]
) -> dict[Place, tuple[float, ...]]:
    """The smallest value that so many percent are not above, of each place that has any.

    The table has the columns of ``Place``, ``class``, ``n`` and ``total``, the sum of the values.
    """
    found = ", ".join(f"min(mean) FILTER (100 * so_far >= {percent} * of_all)" for percent in percents)
    rows = cursor.execute(
        f"""
        SELECT gid, bucket, {found} FROM (
            SELECT
                gid, bucket, total / n AS mean, sum(n) OVER (PARTITION BY gid, bucket ORDER BY class) AS so_far,
                sum(n) OVER (PARTITION BY gid, bucket) AS of_all
            FROM (
                SELECT gid, {level.bucket} AS bucket, class, sum(n) AS n, sum(total) AS total
                FROM {table} WHERE class IS NOT NULL GROUP BY ALL
            )
        ) GROUP BY gid, bucket
        """  # noqa: S608 - own names and numbers
    ).fetchall()
    return {Place(gid, bucket): tuple(values) for gid, bucket, *values in rows}

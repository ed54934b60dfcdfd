"""Scores of the traces that items are of: each trace counts once in a bucket, and once in a group."""

import duckdb

from actors.span_store.asked.stats import ScoreSum
from actors.span_store.embedded.reads.aggregates.levels import Level, Place

SCORES = "stats_score"  # of each trace: ``trace_id``, ``count``, ``total``


def score_sums(cursor: duckdb.DuckDBPyConnection, table: str, level: Level) -> dict[Place, ScoreSum]:
    """Of each place that has any. The table has the columns of ``Place``, and ``trace_id``."""
    rows = cursor.execute(
        "SELECT gid, bucket, sum(count)::BIGINT, fsum(total) FROM ("  # noqa: S608 - own names
        f"SELECT DISTINCT gid, {level.bucket} AS bucket, trace_id FROM {table}"
        f") JOIN {SCORES} USING (trace_id) GROUP BY ALL"
    ).fetchall()
    return {Place(gid, bucket): ScoreSum(count=count, mean=total / count) for gid, bucket, count, total in rows}

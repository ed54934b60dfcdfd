"""Which sealed files are kept: by the age of their spans, and by the space that all of them take."""

from datetime import datetime, timedelta

import attrs
import duckdb
import pyarrow as pa

from actors.span_store.grams import SIZE
from actors.span_store.segments import ROW_GROUP

_GRAMS = SIZE / ROW_GROUP  # bytes a span
_SEALED_EARLY = 8  # spans are sealed when they are older than one such part of the age that is kept


@attrs.frozen(kw_only=True)
class Retention:
    """What is kept. ``None`` is no bound.

    Whole files are dropped: by age those whose newest span started before it, by size the oldest ones until all others
    fit. So a span goes once the newest of its file, which arrived up to an eighth of ``age`` later, is too old.
    ``size`` is in bytes, of files, of what rules text out of them, and index together; the journals come on top, 420 MB
    at most.
    """

    age: timedelta | None = None
    size: int | None = None
    every: timedelta = timedelta(minutes=5)  # after how long it is looked for files to drop, again

    def is_due_for_sealing(self, rows: pa.Table, now: datetime) -> bool:
        """Whether these spans in memory have to become a file, or they would be kept too long."""
        if self.age is None or not rows.num_rows:
            return False
        return bool(rows["start_time_unix_nano"][0].as_py() < _nanoseconds(now - self.age / _SEALED_EARLY))

    def expired(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> list[int]:
        """The segments that are not kept, by number."""
        too_old = self._too_old(connection, now) if self.age is not None else []
        too_many = self._too_many(connection) if self.size is not None else []
        return sorted({*too_old, *too_many})

    def _too_old(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> list[int]:
        oldest = _nanoseconds(now - (self.age or timedelta()))
        rows = connection.execute(
            "SELECT segment FROM segment WHERE last_start_time_unix_nano < ?", [oldest]
        ).fetchall()
        return [segment for (segment,) in rows]

    def _too_many(self, connection: duckdb.DuckDBPyConnection) -> list[int]:
        """The newest are kept as long as they fit, each with the share of the index that its spans take."""
        rows = connection.execute(
            """
            WITH sized AS (
                SELECT segment, last_start_time_unix_nano, bytes + rows * ? + rows * (
                    SELECT block_size * used_blocks FROM pragma_database_size()
                ) / sum(rows) OVER () AS size
                FROM segment
            ), summed AS (
                SELECT segment, sum(size) OVER (ORDER BY last_start_time_unix_nano DESC, segment DESC) AS size
                FROM sized
            )
            SELECT segment FROM summed WHERE size > ?
            """,
            [_GRAMS, self.size],
        ).fetchall()
        return [segment for (segment,) in rows]


def _nanoseconds(moment: datetime) -> int:
    return max(0, int(moment.timestamp()) * 1_000_000_000)

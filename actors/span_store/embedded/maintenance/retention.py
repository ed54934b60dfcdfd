"""Which sealed files are kept: by the age of their spans, and by the space that all of them take."""

from datetime import datetime, timedelta

import attrs
import duckdb
import pyarrow.compute as pc

from actors.span_store.asked.retention import RetentionPreview, RetentionRule
from actors.span_store.embedded.hot.memtable import Memtable
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.segment_file import ROW_GROUP
from actors.span_store.query.expression import started_between
from actors.span_store.query.text.ngrams import SIZE

_GRAMS = SIZE / ROW_GROUP  # bytes a span
_SEALED_EARLY = 8  # spans are sealed when they are older than one such part of the age that is kept


@attrs.frozen(kw_only=True)
class Retention:
    """What is kept. ``None`` is no bound.

    A span is as old as its start says, and no newer than its arrival: clocks of clients may be ahead by years.

    Whole files are dropped: by age those whose newest span is older, by size the oldest ones until all others fit. So
    a span goes once the newest of its file, which arrived up to an eighth of ``age`` later, is too old. Where spans of
    very different ages came together, those that are overdue by more than that are taken out of their file.
    ``size`` is in bytes, of files, of what rules text out of them, and index together; the journals come on top, 420 MB
    at most.
    """

    age: timedelta | None = None
    size: int | None = None
    every: timedelta = timedelta(minutes=5)  # after how long it is looked for files to drop, again

    def is_due_for_sealing(self, memtable: Memtable, now: datetime) -> bool:
        """Whether these spans in memory have to become a file, or they would be kept too long."""
        if self.age is None or not memtable.rows:
            return False
        oldest = pc.min(memtable.indexed_columns()["start_time_unix_nano"]).as_py()
        return bool(min(oldest, memtable.wal.opened_at) < _nanoseconds(now - self.age / _SEALED_EARLY))

    def expired(self, connection: duckdb.DuckDBPyConnection, now: datetime | None) -> list[int]:
        """The segments that are not kept, by number; when it is not known how late it is, none for its age."""
        too_old = index.segments_older_than(connection, self.oldest(now))
        too_many = [] if self.size is None else index.segments_beyond(connection, self.size, _GRAMS)
        return sorted({*too_old, *too_many})

    def overdue(self, connection: duckdb.DuckDBPyConnection, now: datetime | None) -> list[int]:
        """The segments that are kept, but for spans that should have gone long ago."""
        if self.age is None or now is None:
            return []
        bound = _nanoseconds(now - self.age - self.age / _SEALED_EARLY)
        long_ago = started_between(None, bound)
        return [each.segment for each in index.indexed_segments(connection, long_ago)]

    def preview(
        self, connection: duckdb.DuckDBPyConnection, now: datetime | None, waits: str | None
    ) -> RetentionPreview:
        """What goes at a look that is made now. ``waits`` says why ``now`` is not known."""
        expired, overdue = self.expired(connection, now), self.overdue(connection, now)
        shortened = sorted({*overdue} - {*expired})
        goes = index.what_goes(connection, expired, shortened, self.oldest(now))
        return RetentionPreview(
            spans=goes.spans,
            segments=len(expired),
            bytes=goes.bytes,
            oldest_start_unix_nano=goes.oldest_left,
            waits=waits if self.age is not None else None,
        )

    def oldest(self, now: datetime | None) -> int:
        """The Unix nanosecond before which a span is too old."""
        return 0 if self.age is None or now is None else _nanoseconds(now - self.age)


def _nanoseconds(moment: datetime) -> int:
    return max(0, int(moment.timestamp()) * 1_000_000_000)


class CurrentRetention:
    """The retention that counts now. It outlives a storage: a rule that was set counts when it is opened again."""

    def __init__(self, retention: Retention | None = None) -> None:
        self.now = retention or Retention()
        self.is_new = False  # until it was looked for what it deletes

    def use(self, rule: RetentionRule) -> None:
        """Let a rule count, from the next look on."""
        changed = self.under(rule)
        self.is_new |= changed != self.now
        self.now = changed

    def under(self, rule: RetentionRule) -> Retention:
        """The retention that would count with a rule."""
        return attrs.evolve(self.now, age=rule.age, size=rule.size)


def current(retention: Retention | CurrentRetention) -> CurrentRetention:
    return retention if isinstance(retention, CurrentRetention) else CurrentRetention(retention)

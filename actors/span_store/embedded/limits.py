"""Bounds of the engine, in bytes of spans unless they say otherwise."""

import attrs

from actors.span_store.embedded.maintenance.retention import CurrentRetention, current

_MEGABYTE = 1024 * 1024


def _half_of_the_wal(limits: "Limits") -> int:
    return limits.most_recent // 2


@attrs.frozen(kw_only=True)
class Limits:
    """How many spans may be in the WAL, and how many of those in memory as well; and which segments are kept.

    ``FlushPolicy`` says what each of the first four decides.
    """

    flush_at: int = 32 * _MEGABYTE  # of one memtable, and so of one segment
    most_in_memory: int = 40 * _MEGABYTE  # of full memtables; those beyond are evicted to the WAL
    most_recent: int = 400 * _MEGABYTE  # of the WAL; with more, no spans are taken
    # Of full memtables whose flush a burst may defer. The other half of the WAL takes what comes in while they are
    # flushed at last, so that a burst that goes on is not stopped at once.
    deferred: int = attrs.field(default=attrs.Factory(_half_of_the_wal, takes_self=True))
    wait_seconds: float = 2.0  # that a write waits for the flusher before it is refused
    # May be replaced while the store is open, and outlives it.
    retention: CurrentRetention = attrs.field(factory=CurrentRetention, converter=current)

"""Whether the wall clock may be believed when it says that spans are old."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import structlog

from actors.clock import Clock, Steady
from actors.span_store.embedded.durable import DISK, Disk

log = structlog.get_logger(__name__)

_WHILE_RUNNING = timedelta(minutes=5)  # that the wall clock and the steady one may differ by in an hour
_ACROSS_STARTS = timedelta(hours=24)  # that may lie between two runs, in either direction
_AGREED = timedelta(hours=1)  # after which the clock is believed again
_RECORDED_EVERY = timedelta(minutes=5)
_MOST_OF_RECORD = 32  # bytes: a Unix second
_WAITS = "{why}: spans are not deleted for their age until it has run evenly for an hour"
_UNKNOWN = "It is not known when the studio last ran, so its clock is not believed yet"


@attrs.frozen
class _Moment:
    """What both clocks said."""

    wall: datetime
    steady: float

    def ahead(self, now: "_Moment") -> timedelta:
        """How much more has passed on the wall clock than on the other one."""
        return now.wall - self.wall - timedelta(seconds=now.steady - self.steady)

    def passed(self, now: "_Moment") -> timedelta:
        return timedelta(seconds=now.steady - self.steady)


class TrustedClock:
    """The wall clock, compared with a clock that nobody can set, and at start with the moment that was recorded last.

    A clock that is set ahead for half a minute makes everything old, and what is deleted then is gone for good. After
    a jump, ahead or back, the clock is believed once it has run evenly for an hour. Where it stands by then is taken
    for right, because nothing here knows better.

    ``start`` and ``record`` block; the others are quick and called from the event loop, ``arrival`` from any thread.
    """

    def __init__(self, path: Path, *, wall: Clock, steady: Steady, disk: Disk = DISK) -> None:
        """``path`` is that of the record."""
        self._path = path
        self._disk = disk
        self._wall = wall
        self._steady = steady
        self._even_since: _Moment | None = None  # since when the clocks agree
        self._believed = self._now()  # when the clock was last right, as far as is known
        self._recorded: _Moment | None = None
        self.waiting: str | None = None  # a sentence that says why the clock is not believed

    def start(self, *, is_new: bool) -> None:
        """Compare with the record, at the first call. ``is_new``: there is nothing yet that could have a record."""
        if self._even_since is not None:
            return
        self._even_since = now = self._now()
        recorded = self._last_record()
        if recorded is not None:
            self._believed = _Moment(recorded, now.steady)
            gap = now.wall - recorded
            if abs(gap) > _ACROSS_STARTS:
                self._doubt(f"The clock is {_told(gap)} the last run of the studio")
        elif not is_new:
            self._doubt(_UNKNOWN)
        if self.waiting is None:
            self._believed = now

    def look(self) -> datetime | None:
        """The time, if it is to be believed. Called every few seconds, and before anything is found too old."""
        now = self._now()
        since = self._even_since or now
        jump = since.ahead(now)
        if abs(jump) > _WHILE_RUNNING:
            self._even_since = now
            self._doubt(f"The clock was set, and is {_told(jump)} the time that has passed")
        elif since.passed(now) >= _AGREED:
            self._even_since = now  # so that small differences do not add up over months
            if self.waiting is not None:
                log.info("the clock has run evenly for an hour and is believed again")
            self.waiting = None
        if self.waiting is not None:
            return None
        self._believed = now
        return now.wall

    def arrival(self, written_at: int) -> int:
        """The Unix nanosecond when all was there that is in a file, going by when it was written.

        A clock that is set back would have spans arrive long ago, and they would be too old once it is right.
        """
        if self.waiting is None:
            return written_at
        now, last = self._now(), self._believed
        return max(written_at, int((last.wall + last.passed(now)).timestamp()) * 1_000_000_000)

    @property
    def recording_is_due(self) -> bool:
        recorded = self._recorded
        return self.waiting is None and (recorded is None or recorded.passed(self._now()) >= _RECORDED_EVERY)

    def record(self) -> None:
        """Make the time durable when it was believed last. Where the disk refuses, the older record stays."""
        if self.waiting is not None:
            return
        self._recorded = now = self._believed
        unfinished = self._path.with_name(f"{self._path.name}.unfinished")
        with suppress(OSError):  # it is tried again, and the store finds out by itself whether its disk works
            self._disk.write_file(unfinished, str(int(now.wall.timestamp())).encode())
            self._disk.rename(unfinished, self._path)
            self._disk.sync_folder(self._path.parent)

    def _doubt(self, why: str) -> None:
        self.waiting = _WAITS.format(why=why)
        log.warning("the clock is not believed, and spans are not deleted for their age", why=why)

    def _now(self) -> _Moment:
        return _Moment(self._wall(), self._steady())

    def _last_record(self) -> datetime | None:
        try:
            with self._path.open("rb") as file:
                return datetime.fromtimestamp(int(file.read(_MOST_OF_RECORD)), UTC)
        except (OSError, ValueError, OverflowError):  # missing, or not what was written
            return None


def _told(gap: timedelta) -> str:
    """A difference, for people: they want to know how large it is, and not to the second."""
    size, side = abs(gap), "ahead of" if gap > timedelta() else "behind"
    if size >= timedelta(days=2):
        return f"{size.days} days {side}"
    minutes = int(size.total_seconds()) // 60
    return f"{minutes // 60} hours {side}" if minutes >= 120 else f"{minutes} minutes {side}"  # noqa: PLR2004 - one hour would be "1 hours"

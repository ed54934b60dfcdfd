"""Steps of the wall clock: after one, the latest minutes are not what they seem."""

from actors.clock import Steady

_SECOND = 1_000_000_000  # nanoseconds
_SLACK = 5 * _SECOND  # by which clocks may be set a little each minute
_DAY = 86_400 * _SECOND
_TENTH = 10
_AFTER_START = 300 * _SECOND


class ClockSteps:
    """Says of which intervals the spans can be counted on, by the wall clock and one that nobody can set.

    A step ahead leaves a hole in what came in lately, and one back lets two times lie on each other: less, or more,
    seems to have happened than did. The store's own trust finds steps of more than five minutes; an alert of a minute
    minds smaller ones. While the studio was not there, nothing came in either.
    """

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._begun = self._now()
        self._last: tuple[int, int] | None = None  # wall and steady, in nanoseconds
        self._at = 0  # of the last step, on the steady clock
        self._ahead = 0  # how far it went; below zero for one back

    def look(self, wall: int) -> None:
        """Compare the clocks. Called before each round of checks."""
        now = self._now()
        if self._last is not None:
            ahead = wall - self._last[0] - (now - self._last[1])
            if abs(ahead) > _SLACK:
                self._at, self._ahead = now, ahead
        self._last = wall, now

    def is_even(self, interval: int) -> bool:
        """Whether so many nanoseconds back from now were like any others, but for a step of a tenth of them."""
        if abs(self._ahead) * _TENTH <= interval:
            return True
        return self._now() - self._at >= interval + min(max(-self._ahead, 0), _DAY)

    def was_there(self, interval: int) -> bool:
        """Whether the studio has run for so long, or for five minutes."""
        return self._now() - self._begun >= min(interval, _AFTER_START)

    def _now(self) -> int:
        return int(self._steady() * _SECOND)

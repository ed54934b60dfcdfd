"""Rate limit on audited refusals, of which anybody can cause any number."""

from collections.abc import Hashable

from actors.clock import Steady

_MINUTE = 60.0  # seconds
MOST = 20  # entries a minute: ten million a year, when somebody keeps at it


class Refusals:
    """Admits one refusal of a kind in a minute, and ``MOST`` of all kinds."""

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._began = steady()
        self._passed: set[Hashable] = set()
        self._left_out = 0

    def passes(self, kind: Hashable) -> bool:
        """Whether this refusal is to be recorded. One that is not is counted."""
        now = self._steady()
        if now - self._began >= _MINUTE:
            self._began = now
            self._passed.clear()
        if kind in self._passed or len(self._passed) >= MOST:
            self._left_out += 1
            return False
        self._passed.add(kind)
        return True

    def not_recorded(self, kind: Hashable, left_out: int) -> None:
        """Count an admitted refusal, and those it would have named, as left out; the next of its kind is admitted."""
        self._passed.discard(kind)
        self._left_out += left_out + 1

    def left_out(self) -> int:
        """The number of refusals that were not recorded since the last call."""
        count, self._left_out = self._left_out, 0
        return count

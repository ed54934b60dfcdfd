"""Rate limit on the spans of an API key: a token bucket for each key, over every protocol."""

import time
from collections.abc import Callable
from functools import partial

from actors.errors import Throttled

# A bucket holds the spans of this many seconds. SDKs export every five seconds, so a program that keeps to its rate is
# never refused, also when one of its exports is late.
_BURST = 10.0
_SHORTEST = 0.1  # seconds to wait
_FIRST_SWEEP = 1024  # buckets


class KeyRate:
    """Rate limit of the same number of spans a second for each key.

    The number of spans of a request is known only when it is decoded. So a request is admitted while anything is left,
    and may overdraw the bucket; then nothing more is admitted until that is paid off. No request is too large for ever.
    """

    def __init__(self, spans_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = spans_per_second
        self._clock = clock
        self._full_at: dict[str, float] = {}  # by key: when its bucket is full again; full buckets have no entry
        self._sweep_at = _FIRST_SWEEP

    def admit(self, key_id: str) -> Callable[[int], None]:
        """Admit a request of the key; returns a function to call with the number of its spans.

        Raises ``Throttled`` with the time until something is left again.
        """
        wait = self._full_at.get(key_id, 0.0) - self._clock() - _BURST
        if wait >= 0:
            raise Throttled(
                f"This key sends more than {self._rate} spans a second",
                retry_after=max(wait + 1 / self._rate, _SHORTEST),
            )
        return partial(self._take, key_id)

    def _take(self, key_id: str, spans: int) -> None:
        now = self._clock()
        if key_id not in self._full_at and len(self._full_at) >= self._sweep_at:
            self._sweep(now)
        self._full_at[key_id] = max(self._full_at.get(key_id, now), now) + spans / self._rate

    def _sweep(self, now: float) -> None:
        """Forget full buckets: keys come and go."""
        self._full_at = {key_id: full_at for key_id, full_at in self._full_at.items() if full_at > now}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._full_at))

"""How much of the playground one user may have."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from actors.errors import Throttled

_RETRY_SECONDS = 5.0


@attrs.frozen(kw_only=True)
class PlaygroundLimits:
    """Bounds of runs. A run that nobody follows goes on for ``resume_seconds``, then it is cancelled."""

    runs_per_user: int = 64  # at once
    resume_seconds: float = 30.0
    run_seconds: float = 600.0
    log_bytes: int = 4 * 1024 * 1024


class Shares:
    """Counts the runs of each user."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    def take(self, user_id: str) -> None:
        """One run more. ``Throttled`` when the user has as many as allowed."""
        if self._taken[user_id] >= self._most:
            raise Throttled(f"At most {self._most} runs at once", retry_after=_RETRY_SECONDS)
        self._taken[user_id] += 1

    def give_back(self, user_id: str) -> None:
        self._taken[user_id] -= 1
        if not self._taken[user_id]:
            del self._taken[user_id]

    @contextmanager
    def taken(self, user_id: str) -> Iterator[None]:
        """One run more for the length of the block."""
        self.take(user_id)
        try:
            yield
        finally:
            self.give_back(user_id)

"""Limits of the playground for each user, and for all prompts together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from actors.errors import Throttled

_RETRY_SECONDS = 5.0


@attrs.frozen(kw_only=True)
class PlaygroundLimits:
    """Limits of runs. A run without a follower goes on for ``resume_seconds``, then it is cancelled."""

    runs_per_user: int = 64  # at once
    prompts_size: int = 128 * 1024 * 1024  # characters of all prompts that are being run at once; one is always let in
    resume_seconds: float = 30.0
    run_seconds: float = 600.0
    log_bytes: int = 4 * 1024 * 1024


class Shares:
    """Counts the runs of each user, and the characters of all prompts in work."""

    def __init__(self, limits: PlaygroundLimits) -> None:
        self._limits = limits
        self._taken: Counter[str] = Counter()
        self._size = 0

    def take(self, user_id: str, size: int) -> None:
        """Count a run. ``Throttled`` when the user has the most runs allowed, or all prompts together are too long."""
        most = self._limits.runs_per_user
        if self._taken[user_id] >= most:
            raise Throttled(f"At most {most} runs at once", retry_after=_RETRY_SECONDS)
        if self._size and self._size + size > self._limits.prompts_size:
            raise Throttled("Too many long prompts are being run at once", retry_after=_RETRY_SECONDS)
        self._taken[user_id] += 1
        self._size += size

    def give_back(self, user_id: str, size: int) -> None:
        self._size -= size
        self._taken[user_id] -= 1
        if not self._taken[user_id]:
            del self._taken[user_id]

    @contextmanager
    def taken(self, user_id: str, size: int) -> Iterator[None]:
        """Count a run for the length of the block."""
        self.take(user_id, size)
        try:
            yield
        finally:
            self.give_back(user_id, size)

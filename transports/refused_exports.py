"""The exports that were refused lately, and what each sender has to set: for people who wait for their first span."""

import time
from collections.abc import Callable, Sequence

import attrs

from transports.masking import without_keys

MOST = 100  # pairs of sender and fault


@attrs.frozen(kw_only=True)
class RefusedExport:
    """What one sender does wrong. Times are nanoseconds of the Unix epoch."""

    sender: str
    fault: str
    cure: str
    path: str | None  # of the latest, where it came over HTTP
    times: int
    first_at: int
    last_at: int


class RefusedExports:
    """Record of the latest refusals, one for each sender and fault, in memory alone.

    It holds 100 of them, so that a flood pushes out what is older and fills nothing. It knows no key and no body.
    """

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self._now = now
        self._kept: dict[tuple[str, str], RefusedExport] = {}  # the latest last

    def note(self, sender: str, fault: str, cure: str, path: str | None = None) -> None:
        """Keep a refusal. What looks like a key in the path is masked."""
        now = self._now()
        before = self._kept.pop((sender, fault), None)
        self._kept[sender, fault] = RefusedExport(
            sender=sender,
            fault=fault,
            cure=cure,
            path=path and without_keys(path),
            times=before.times + 1 if before else 1,
            first_at=before.first_at if before else now,
            last_at=now,
        )
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def latest(self) -> Sequence[RefusedExport]:
        """All that are kept, the latest first."""
        return [*reversed(self._kept.values())]

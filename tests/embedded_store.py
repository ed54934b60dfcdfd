"""A SpanStoreActor on the embedded engine, as the studio has it."""

from functools import partial
from pathlib import Path

from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits


def embedded_store(
    path: Path,
    *,
    accounts: Path,
    limits: Limits | None = None,
    interval: float = 5.0,
    clock: Clock = utc_now,
    steady: Steady = steady_seconds,
) -> SpanStoreActor:
    """``path`` is that of the index; see ``EmbeddedStorage.open`` for the others."""
    opened = partial(EmbeddedStorage.open, path, limits=limits, interval=interval, clock=clock, steady=steady)
    return SpanStoreActor(opened, accounts=accounts, clock=clock)

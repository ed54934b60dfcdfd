"""The span store on the embedded engine, as tests start it."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.runtime.actor import ActorBus
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.pricing.current import CurrentPrices


def embedded_store(
    bus: ActorBus,
    path: Path,
    *,
    accounts: Path,
    limits: Limits | None = None,
    interval: float = 5.0,
    clock: Clock = utc_now,
    steady: Steady = steady_seconds,
    disk: Disk = DISK,
    prices: CurrentPrices | None = None,
) -> AbstractAsyncContextManager[SpanStoreActor]:
    """``path`` is that of the index; see ``EmbeddedStorage.open`` for the others."""
    opened = partial(
        EmbeddedStorage.open,
        path,
        limits=limits,
        interval=interval,
        clock=clock,
        steady=steady,
        disk=disk,
        prices=prices,
    )
    return SpanStoreActor.running(bus, opened, accounts=accounts, clock=clock)

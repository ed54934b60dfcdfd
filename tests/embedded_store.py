"""The span store on the embedded engine, as tests start it."""

from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.clock import Clock, Steady, steady_seconds, utc_now
from actors.runtime.actor import ActorBus
from actors.span_store.actor import SpanStoreActor
from actors.span_store.embedded.durable import DISK, Disk
from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.embedded.maintenance.trusted_clock import TrustedClock
from actors.span_store.embedded.sealed.index import open_index
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
    if disk is DISK and clock is utc_now and (limits is None or limits.retention.now.age is None) and not path.exists():
        start_with_an_empty_index(path, clock, steady)
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


def start_with_an_empty_index(path: Path, clock: Clock = utc_now, steady: Steady = steady_seconds) -> None:
    """Let the start be the second one of a store without spans: the first one takes longer than most tests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_empty_index())
    first = TrustedClock(path.with_suffix(".clock"), wall=clock, steady=steady)
    first.start(is_new=True)
    first.record()


@cache
def _empty_index() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "traces.duckdb"
        open_index(path).close()
        return path.read_bytes()

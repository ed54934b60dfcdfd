"""``studio check``, ``repair`` and ``remap``: a data folder is looked at and made whole while no studio runs on it."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import duckdb

from actors.clock import utc_now
from actors.prices.store import PriceStore
from actors.runtime.actor import StartRefused
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.remapping import remap
from actors.span_store.embedded.upkeep.repair import repair
from actors.span_store.pricing.current import CurrentPrices
from actors.span_store.pricing.own_price import OwnPrices
from studio.claim import CannotStart, sole_use_of
from studio.settings import Settings


@attrs.frozen
class Upkeep:
    """``lines`` are for the person at the terminal, made while the work goes on; they may raise ``CannotStart``."""

    good: bool
    lines: Iterable[str]


def check_data(settings: Settings) -> Upkeep:
    """Look for what is wrong with the data. Raises ``CannotStart``."""
    with _alone_with(settings) as folders:
        faults = inspect(folders)
    return Upkeep(not faults, faults or ["The data is whole."])


def repair_data(settings: Settings) -> Upkeep:
    """Repair the data. What is damaged is kept in the folder ``damaged`` beside the index."""
    return Upkeep(good=True, lines=_repaired(settings))


def remap_data(settings: Settings, *, everything: bool) -> Upkeep:
    """Derive promoted columns anew, of segments of earlier versions, or of all."""
    return Upkeep(good=True, lines=_remapped(settings, everything=everything))


def _remapped(settings: Settings, *, everything: bool) -> Iterator[str]:
    with _alone_with(settings) as folders:
        count, prices = 0, _prices(settings)
        for count, line in enumerate(remap(folders, prices, everything=everything), 1):  # noqa: B007 - it is told below
            yield line
        yield f"Done with {count} segments." if count else "All columns are of this version already."


def _repaired(settings: Settings) -> Iterator[str]:
    with _alone_with(settings) as folders:
        steps = 0
        for steps, line in enumerate(repair(folders), 1):  # noqa: B007 - their number is told below
            yield line
        kept = f"Done in {steps} steps. Damaged files, if there were any, are in {folders.damaged}."
        yield kept if steps else "There was nothing to repair."


def _prices(settings: Settings) -> CurrentPrices:
    """The prices that the studio itself would compute costs with."""
    prices = CurrentPrices(settings.prices_file)
    prices.load()
    if settings.sqlite_path.exists():
        prices.use(asyncio.run(_own_prices(settings.sqlite_path)))
    return prices


async def _own_prices(accounts: Path) -> OwnPrices:
    store = await PriceStore.open(accounts, utc_now)
    await store.close()
    return store.own


@contextmanager
def _alone_with(settings: Settings) -> Iterator[Folders]:
    with sole_use_of(settings):
        try:
            yield Folders(settings.duckdb_path)
        except StartRefused as refusal:
            raise CannotStart(str(refusal)) from refusal
        except (OSError, duckdb.Error) as fault:
            raise CannotStart(f"The span store cannot be worked on: {fault}") from fault

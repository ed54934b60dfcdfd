"""``studio check`` and ``studio repair``: a data folder looked at, and made whole, while no studio runs on it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import attrs
import duckdb

from actors.runtime.actor import StartRefused
from actors.span_store.embedded.layout import Folders
from actors.span_store.embedded.upkeep.inspection import inspect
from actors.span_store.embedded.upkeep.repair import repair
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


def _repaired(settings: Settings) -> Iterator[str]:
    with _alone_with(settings) as folders:
        steps = 0
        for steps, line in enumerate(repair(folders), 1):  # noqa: B007 - their number is told below
            yield line
        kept = f"Done in {steps} steps. Damaged files, if there were any, are in {folders.damaged}."
        yield kept if steps else "There was nothing to repair."


@contextmanager
def _alone_with(settings: Settings) -> Iterator[Folders]:
    with sole_use_of(settings):
        try:
            yield Folders(settings.duckdb_path)
        except StartRefused as refusal:
            raise CannotStart(str(refusal)) from refusal
        except (OSError, duckdb.Error) as fault:
            raise CannotStart(f"The span store cannot be worked on: {fault}") from fault

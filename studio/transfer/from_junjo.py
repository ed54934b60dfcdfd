"""``studio import --from-junjo``: users, API keys and spans of the studio's predecessor, taken over.

It works on the data folder itself, with no studio running: hashes and keys should not travel over a network.
"""

import asyncio
import sqlite3
from pathlib import Path

import attrs
import duckdb

from actors.errors import InternalError, InvalidRequest, Overloaded, StudioError
from actors.key_registry.actor import KeyRegistryActor
from actors.key_registry.messages import AdoptKey
from actors.prices.actor import PricesActor
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import ActorGaveUp, Supervisor
from actors.session.actor import SessionActor
from actors.session.messages import AdoptUser
from actors.span_store.actor import SpanStoreActor
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import IngestSpans, IngestSummary
from actors.span_store.pricing.current import CurrentPrices
from studio.app import kept_by_environment, key_registry, span_store
from studio.claim import sole_use_of
from studio.settings import Settings
from studio.transfer.client import TransferFailed
from studio.transfer.junjo_accounts import OldAccounts
from studio.transfer.junjo_spans import Batch, NoSpans, batches, look_at
from studio.transfer.progress import Progress
from studio.variables import duckdb_takes

_MOST_WAITS = 300  # of two seconds each, for the store to flush its memtables
_TIMEOUT = 300.0  # seconds for one batch


@attrs.frozen
class JunjoFiles:
    """Paths of the predecessor's files; ``None`` where there is no such file."""

    accounts: Path | None
    spans: Path | None

    @classmethod
    def find(cls, folder: Path) -> "JunjoFiles":
        """Find the files in the folder itself, or in its folders ``sqlite`` and ``duckdb``."""
        return cls(
            _first(folder, "sqlite/junjo.db", "junjo.db"), _first(folder, "duckdb/traces.duckdb", "traces.duckdb")
        )

    def there(self) -> set[Path]:
        return {path.resolve() for path in (self.accounts, self.spans) if path is not None}


@attrs.define
class _Taken:
    """Numbers of rows taken over, already there, and malformed; ``notes`` are lines about the malformed ones."""

    users: int = 0
    keys: int = 0
    spans: int = 0
    known: int = 0
    malformed: int = 0
    notes: list[str] = attrs.field(factory=list)

    def left(self, what: str, reason: str) -> None:
        self.malformed += 1
        self.notes.append(f"Left: {what}: {reason}")

    def report(self) -> str:
        total = f"Taken over: {self.users} users, {self.keys} API keys, {self.spans} spans"
        known = f"; {self.known} were here before" if self.known else ""
        malformed = f"; {self.malformed} were left, because they are malformed" if self.malformed else ""
        return "\n".join([*self.notes, f"{total}{known}{malformed}"])


def import_from_junjo(folder: Path, settings: Settings) -> str:
    """Take over everything that was never here; the old files are only read. Returns the report.

    Raises ``TransferFailed`` or ``CannotStart``. Rows that were taken before a failure stay, and the same call goes on.
    """
    files = JunjoFiles.find(folder)
    if not files.there():
        raise TransferFailed(f"{folder} has neither junjo.db nor traces.duckdb")
    if files.there() & {settings.sqlite_path.resolve(), settings.duckdb_path.resolve()}:
        raise TransferFailed(f"{folder} is where this studio keeps its own data: set JUNJO_DATA_DIR to another folder")
    if files.spans and not duckdb_takes(files.spans):
        raise TransferFailed(f"{files.spans}: DuckDB opens no path with ? or \\ or other bytes than UTF-8: rename it")
    with sole_use_of(settings):
        try:
            if files.spans:
                look_at(files.spans)
            accounts = OldAccounts.read(files.accounts) if files.accounts else OldAccounts()
            return asyncio.run(_take_over(accounts, files.spans, settings)).report()
        except NoSpans as fault:
            raise TransferFailed(f"{files.spans} has no spans of the Junjo AI Studio of before") from fault
        except (sqlite3.Error, duckdb.Error, OSError) as fault:
            raise TransferFailed(f"The files in {folder} cannot be read: {_one_line(fault)}") from fault
        except (StudioError, ActorGaveUp) as fault:
            raise TransferFailed(f"The data cannot be stored: {fault}") from fault


def _first(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _one_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0]


async def _take_over(accounts: OldAccounts, spans: Path | None, settings: Settings) -> _Taken:
    bus = Bus()
    supervisor = Supervisor(bus)
    supervisor.add(KeyRegistryActor, lambda bus: key_registry(bus, settings))
    supervisor.add(
        SessionActor,
        lambda bus: SessionActor.running(
            bus, settings.sqlite_path, cookie_key=settings.secure_cookie_key, session_secret=settings.session_secret
        ),
    )
    prices = CurrentPrices(settings.prices_file)
    retention = kept_by_environment(settings)
    supervisor.add(SpanStoreActor, lambda bus: span_store(bus, settings, prices, retention))
    supervisor.add(PricesActor, lambda bus: PricesActor.running(bus, settings.sqlite_path))
    await supervisor.start()
    taken = _Taken(malformed=accounts.malformed)
    try:
        await _take_accounts(bus, accounts, taken)
        if spans is not None:
            await _take_spans(bus, spans, taken, settings.masking)
    finally:
        await supervisor.stop()
    return taken


async def _take_accounts(bus: Bus, accounts: OldAccounts, taken: _Taken) -> None:
    for old in accounts.users:
        try:
            adopted = await bus.ask(AdoptUser(user=old.user, password_hash=old.password_hash, by=SYSTEM))
        except InvalidRequest as refusal:
            taken.left(f"the user {old.user.email!r}", refusal.detail)
            continue
        taken.users += adopted
        taken.known += not adopted
    for key in accounts.keys:
        try:
            adopted = await bus.ask(AdoptKey(key=key.key, secret=key.secret, by=SYSTEM))
        except InvalidRequest as refusal:
            taken.left(f"the API key {key.key.name!r}", refusal.detail)
            continue
        taken.keys += adopted
        taken.known += not adopted


async def _take_spans(bus: Bus, file: Path, taken: _Taken, masking: Masking | None) -> None:
    progress = Progress("spans")
    done = 0
    for batch in batches(file):
        taken.malformed += batch.malformed
        if batch.spans:
            spans = batch.spans if masking is None else masking.spans(batch.spans)
            await _store(bus, attrs.evolve(batch, spans=spans), taken)
        done += batch.bytes
        progress.reached(done)
    progress.end()


async def _store(bus: Bus, batch: Batch, taken: _Taken) -> None:
    """Store a batch. A span that cannot be stored takes none of its batch with it."""
    try:
        summary = await _ingest(bus, batch)
    except InternalError:
        if len(batch.spans) == 1:
            taken.malformed += 1
            return
        for span in batch.spans:
            await _store(bus, Batch([span], batch.bytes // len(batch.spans)), taken)
    else:
        taken.spans += summary.stored
        taken.known += summary.duplicates


async def _ingest(bus: Bus, batch: Batch) -> IngestSummary:
    request = IngestSpans(spans=batch.spans, size=batch.bytes)
    for _ in range(_MOST_WAITS):
        try:
            return await bus.ask(request, timeout=_TIMEOUT)
        except Overloaded as later:
            await asyncio.sleep(later.retry_after or 1.0)
    raise TransferFailed("The data cannot be stored: the span store does not get to flush it")

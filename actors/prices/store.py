"""The prices in SQLite, and all of them in memory."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import nanoid

from actors.audit import AUDIT, Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, InvalidRequest, NotFound
from actors.prices.messages import AddPrice, DeletePrice
from actors.principal import Principal
from actors.span_store.pricing.own_price import (
    MOST_PATTERN,
    MOST_PRICE,
    OwnPrice,
    OwnPrices,
    PerMillion,
    Restatement,
)
from actors.sqlite import Component, Database, Transaction

_PRICES = Component(name="prices", package="actors.prices")
_ID_LENGTH = 21
_MOST = 1000
_MOST_RESTATEMENTS = 100
_LATEST = 2**63 - 1  # Unix nanoseconds
_EPOCH = datetime.fromtimestamp(0, UTC)
_NOTHING_MORE: Mapping[str, str] = {}


class PriceStore:
    """Keeps the prices. Memory follows the file: when a change fails there, nothing has changed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.own = OwnPrices()

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "PriceStore":
        """Open the SQLite file and read the prices. Raises as ``Database.open`` does."""
        store = cls(await Database.open(path, AUDIT, _PRICES), clock)
        try:
            await store._load()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        await self._database.close()

    async def add(self, request: AddPrice) -> OwnPrice:
        """Add a price. Raises ``InvalidRequest`` or ``Conflict``."""
        _check(request)
        now = self._clock()
        price = OwnPrice(
            id=nanoid.generate(size=_ID_LENGTH),
            model=request.model,
            provider=request.provider,
            valid_from=request.valid_from,
            per_million=request.per_million,
            created_at=(now - _EPOCH) // timedelta(microseconds=1) * 1000,
        )
        async with audited(self._database, now) as change:
            if len(self.own.prices) >= _MOST:
                raise Conflict(f"There are {_MOST} prices already: delete one first")
            await _insert(change, price)
            if request.restate:
                await self._restate(change, price.valid_from)
            more = {"restate": "true"} if request.restate else {}
            await change.record(_entry(Action.CREATE, price, request.by, more))
            own = await _all(change)
        self.own = own
        return price

    async def delete(self, request: DeletePrice) -> None:
        """Delete a price. Raises ``NotFound``."""
        async with audited(self._database, self._clock()) as change:
            rows = await change.rows("DELETE FROM prices WHERE id = ? RETURNING *", request.id)
            if not rows:
                raise NotFound("There is no such price")
            await change.record(_entry(Action.DELETE, _price(rows[0]), request.by))
            own = await _all(change)
        self.own = own

    async def _restate(self, change: AuditedTransaction, since: int) -> None:
        """Add a restatement; those go that it includes, and of too many all but one that includes them."""
        if len(self.own.restatements) >= _MOST_RESTATEMENTS:
            since = min(since, *(each.since for each in self.own.restatements))
        await change.rows("DELETE FROM restatements WHERE since >= ?", since)
        await change.rows("INSERT INTO restatements (since) VALUES (?)", since)

    async def _load(self) -> None:
        async with self._database.transaction() as transaction:
            self.own = await _all(transaction)


async def _insert(change: AuditedTransaction, price: OwnPrice) -> None:
    await change.rows(
        "INSERT INTO prices (id, model, provider, valid_from, input, output, cache_read, cache_write, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        price.id,
        price.model,
        price.provider,
        price.valid_from,
        price.per_million.input,
        price.per_million.output,
        price.per_million.cache_read,
        price.per_million.cache_write,
        price.created_at,
    )


async def _all(transaction: Transaction | AuditedTransaction) -> OwnPrices:
    prices = await transaction.rows("SELECT * FROM prices ORDER BY position")
    restatements = await transaction.rows("SELECT revision, since FROM restatements ORDER BY revision")
    return OwnPrices(
        prices=tuple(map(_price, prices)),
        restatements=tuple(Restatement(row["revision"], row["since"]) for row in restatements),
    )


def _price(row: sqlite3.Row) -> OwnPrice:
    amounts = {name: row[name] for name in ("input", "output", "cache_read", "cache_write")}
    others = {name: row[name] for name in ("id", "model", "provider", "valid_from", "created_at")}
    return OwnPrice(per_million=PerMillion(**amounts), **others)


def _check(request: AddPrice) -> None:
    if not 0 < len(request.model) <= MOST_PATTERN or len(request.provider or "") > MOST_PATTERN:
        raise InvalidRequest(f"Models and providers have 1 to {MOST_PATTERN} characters")
    amounts: tuple[float | None, ...] = attrs.astuple(request.per_million)
    if None in amounts[:2] or not all(_is_price(amount) for amount in amounts if amount is not None):
        raise InvalidRequest(f"Prices are from 0 to {MOST_PRICE:.0f} US dollars for a million tokens")
    if not 0 <= request.valid_from <= _LATEST:
        raise InvalidRequest("Prices begin before the year 2262")


def _is_price(amount: float) -> bool:
    return math.isfinite(amount) and 0 <= amount <= MOST_PRICE


def _entry(action: Action, price: OwnPrice, by: Principal, more: Mapping[str, str] = _NOTHING_MORE) -> AuditEntry:
    return AuditEntry(
        action=action,
        resource=Resource.PRICE,
        resource_id=price.id,
        by=by,
        details={**dict(_details(price)), **more},
    )


def _details(price: OwnPrice) -> Iterator[tuple[str, str]]:
    yield "model", price.model
    if price.provider is not None:
        yield "provider", price.provider
    yield "valid_from", str(price.valid_from)
    for name, amount in attrs.asdict(price.per_million).items():
        if amount is not None:
            yield name, repr(amount)

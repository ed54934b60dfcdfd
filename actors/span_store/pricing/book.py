"""The prices of all model calls: those that admins have set, then those of the table."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, TypeVar

import attrs

from actors.span_store.messages import PriceTable
from actors.span_store.pricing.own_price import OwnPrice, OwnPrices
from actors.span_store.pricing.patterns import Patterns
from actors.span_store.pricing.price_table import Listed
from actors.span_store.pricing.rate import Rate, Rates, rate_of

DAY = 86_400 * 1_000_000_000  # nanoseconds
K = TypeVar("K")
V = TypeVar("V")
# Names come from whoever sends spans, so what is kept of them is bounded, and what is looked for at once.
_MOST_KEPT = 8192
MOST_LOOKED_FOR = 256  # models of one batch that were not seen before; calls of more have no price

Key: TypeAlias = tuple[str | None, str, int]  # provider, model, and day since 1970


class Table(Protocol):
    """A price table."""

    table: PriceTable

    def find(self, provider: str | None, model: str) -> Listed | None:
        """The model of a provider; ``None`` when the table has none like it."""


@attrs.frozen(eq=False)
class PriceBook:
    """Prices as they are from one change of them to the next. Any thread may ask."""

    own: OwnPrices
    table: Table
    _patterns: Patterns = attrs.field(init=False)
    _models: dict[tuple[str | None, str], tuple[list[OwnPrice], Listed | None]] = attrs.field(factory=dict, init=False)
    _rates: dict[Key, Rates] = attrs.field(factory=dict, init=False)

    @_patterns.default
    def _ordered(self) -> Patterns:
        return Patterns(self.own.prices)

    def rates(self, keys: Iterable[Key]) -> dict[Key, Rates]:
        """The rates of these models on these days; of too many that were not asked for before, none."""
        found, looked_for = {}, 0
        for key in keys:
            known = self._rates.get(key)
            if known is None:
                looked_for += key[:2] not in self._models
                if looked_for > MOST_LOOKED_FOR:
                    continue
                known = self._resolved(key)
            found[key] = known
        return found

    def candidates(self, provider: str | None, model: str, start: int) -> list[Rate]:
        """The rates that a call at this time may have, the best first: own prices, then that of the table."""
        own, listed = self._model(provider, model)
        rates = [rate_of(price) for price in own if price.valid_from <= start]
        of_table = None if listed is None else listed.at(start)
        return rates if of_table is None else [*rates, of_table]

    def _resolved(self, key: Key) -> Rates:
        provider, model, day = key
        own, listed = self._model(provider, model)
        begin = day * DAY
        times = {begin, *(price.valid_from for price in own if begin < price.valid_from < begin + DAY)}
        times.update(begin + time for time in (listed.times if listed else ()) if time)
        rates = Rates([(since, _rate_at(own, listed, since)) for since in sorted(times)])
        _keep(self._rates, key, rates)
        return rates

    def _model(self, provider: str | None, model: str) -> tuple[list[OwnPrice], Listed | None]:
        known = self._models.get((provider, model))
        if known is None:
            known = self._patterns.of(provider, model), self.table.find(provider, model)
            _keep(self._models, (provider, model), known)
        return known


def _rate_at(own: Sequence[OwnPrice], listed: Listed | None, start: int) -> Rate | None:
    """The first of the prices that are ordered by rank and valid by then; else that of the table."""
    price = next((price for price in own if price.valid_from <= start), None)
    if price is not None:
        return rate_of(price)
    return None if listed is None else listed.at(start)


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    """With a bound: when it is full, all goes, which costs less than to know what was used last."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value

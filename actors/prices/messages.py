"""The public face of PricesActor: prices that admins set, which go before those of the price table."""

import attrs

from actors.principal import Principal
from actors.runtime.messages import Request
from actors.span_store.pricing.own_price import OwnPrice, PerMillion


@attrs.frozen(kw_only=True)
class ListPrices(Request[tuple[OwnPrice, ...]]):
    """List the prices, the latest first; only those that a model or a provider has, or whose pattern ``model`` is."""

    model: str | None = None
    provider: str | None = None


@attrs.frozen(kw_only=True)
class AddPrice(Request[OwnPrice]):
    """Set a price for the calls that start at ``valid_from`` (Unix nanoseconds, less than 2^63) or later.

    Spans that come from now on have it. With ``restate``, stored ones of that time are priced anew in the background.
    ``InvalidRequest`` for a price that is no amount of money, or for a pattern that is too long; ``Conflict`` when
    there are too many prices.
    """

    model: str
    provider: str | None
    valid_from: int
    per_million: PerMillion
    restate: bool
    by: Principal


@attrs.frozen(kw_only=True)
class DeletePrice(Request[None]):
    """Drop a price, for spans that come from now on. ``NotFound``."""

    id: str
    by: Principal

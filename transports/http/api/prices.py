"""Routes of the prices that admins set."""

from typing import Annotated, Any

import attrs

from actors.errors import Conflict, NotFound
from actors.prices.messages import AddPrice, DeletePrice, ListPrices
from actors.span_store.messages import GetPriceTable
from actors.span_store.pricing.own_price import MOST_PATTERN, MOST_PRICE, OwnPrice, PerMillion
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Between, MaxLength, NotBlank
from transports.http.wire.moments import time_text
from transports.http.wire.valid_from import ValidFrom, valid_from_in

_PATH = "/api/v1/prices"
_TIME = {"format": "date-time"}
_FROM = "2026-11-01T00:00:00.000Z"
_AMOUNTS = {"input": 2.5, "output": 10.0, "cache_read": 1.25, "cache_write": None}
_PRICE = {
    "id": "Nj-i2zCP0XgMNWwCuw2zs",
    "model": "gpt-4o*",
    "provider": "openai",
    "valid_from": _FROM,
    "per_million": _AMOUNTS,
    "created_at": "2026-11-30T07:00:00.123Z",
}
_ID = {"price_id": Parameter(description="Id of the price", example="Nj-i2zCP0XgMNWwCuw2zs")}
_Amount = Annotated[float, Between(0.0, MOST_PRICE)]


@attrs.frozen(kw_only=True)
class NewAmounts:
    """US dollars for a million tokens. Cached tokens cost what other input does, unless they have a price."""

    input: _Amount = attrs.field(metadata=described("Of input that no cache had", 2.5))
    output: _Amount = attrs.field(metadata=described("Of output, with what is thought and not said", 10.0))
    cache_read: _Amount | None = attrs.field(default=None, metadata=described("Of input that a cache had", 1.25))
    cache_write: _Amount | None = attrs.field(default=None, metadata=described("Of input that a cache took", None))


@attrs.frozen(kw_only=True)
class NewPrice:
    """A price for the calls of some models."""

    model: Annotated[str, NotBlank("A price needs a model"), MaxLength(MOST_PATTERN)] = attrs.field(
        metadata=described("Name of the model, in which * is any text and ? a character", "gpt-4o*")
    )
    provider: Annotated[str, NotBlank("A provider has a name"), MaxLength(MOST_PATTERN)] | None = attrs.field(
        default=None, metadata=described("Only calls of this provider; of all when left out", "openai")
    )
    valid_from: Annotated[str, ValidFrom()] = attrs.field(
        metadata=described("Only calls that start at this time or later: RFC 3339, or such as now-7d", _FROM)
    )
    per_million: NewAmounts = attrs.field(metadata=described("US dollars for a million tokens", _AMOUNTS))
    restate: bool = attrs.field(
        default=False, metadata=described("Whether stored calls of that time are priced anew, in the background", False)
    )


@attrs.frozen(kw_only=True)
class AmountsAnswer:
    """US dollars for a million tokens; null for cached tokens that cost what other input does."""

    input: float | None = attrs.field(metadata=described("Of input that no cache had", 2.5))
    output: float | None = attrs.field(metadata=described("Of output", 10.0))
    cache_read: float | None = attrs.field(metadata=described("Of input that a cache had", 1.25))
    cache_write: float | None = attrs.field(metadata=described("Of input that a cache took", None))


@attrs.frozen(kw_only=True)
class PriceAnswer:
    """A price that an admin has set."""

    id: str = attrs.field(metadata=described("Id of the price", _PRICE["id"]))
    model: str = attrs.field(metadata=described("Pattern of the names of models", _PRICE["model"]))
    provider: str | None = attrs.field(metadata=described("The provider; null for all", _PRICE["provider"]))
    valid_from: str = attrs.field(metadata=described("The start of the first calls that have it", _FROM) | _TIME)
    per_million: AmountsAnswer = attrs.field(metadata=described("US dollars for a million tokens", _AMOUNTS))
    created_at: str = attrs.field(metadata=described("When it was set", _PRICE["created_at"]) | _TIME)

    @classmethod
    def of(cls, price: OwnPrice) -> "PriceAnswer":
        return cls(
            id=price.id,
            model=price.model,
            provider=price.provider,
            valid_from=time_text(price.valid_from),
            per_million=AmountsAnswer(**attrs.asdict(price.per_million)),
            created_at=time_text(price.created_at),
        )


@attrs.frozen(kw_only=True)
class TableAnswer:
    """The price table, which counts where no admin has set a price."""

    source: str = attrs.field(metadata=described("package, or the file that the operator has given", "package"))
    version: str = attrs.field(metadata=described("Version of the package, or the first digits of a digest", "0.2.3"))


@attrs.frozen(kw_only=True)
class PricesAnswer:
    """The prices that admins have set, and the table behind them."""

    prices: list[PriceAnswer] = attrs.field(metadata=described("Prices, the latest first", [_PRICE]))
    table: TableAnswer = attrs.field(
        metadata=described("What counts beside them", {"source": "package", "version": "0.2.3"})
    )


@attrs.frozen(kw_only=True)
class PricesQuery:
    """A selection of prices."""

    model: Annotated[str, MaxLength(256)] | None = attrs.field(
        default=None, metadata=described("Only prices that this model has, or with this pattern", "gpt-4o")
    )
    provider: Annotated[str, MaxLength(MOST_PATTERN)] | None = attrs.field(
        default=None, metadata=described("Only prices that this provider's calls have", "openai")
    )


async def list_prices(call: Call[None, PricesQuery]) -> PricesAnswer:
    prices = await call.bus.ask(ListPrices(model=call.query.model, provider=call.query.provider))
    table = await call.bus.ask(GetPriceTable())
    return PricesAnswer(
        prices=[PriceAnswer.of(price) for price in prices],
        table=TableAnswer(source=table.source, version=table.version),
    )


async def create_price(call: Call[NewPrice, None]) -> PriceAnswer:
    wanted = call.body
    request = AddPrice(
        model=wanted.model,
        provider=wanted.provider,
        valid_from=valid_from_in(wanted.valid_from),
        per_million=PerMillion(**attrs.asdict(wanted.per_million)),
        restate=wanted.restate,
        by=call.by,
    )
    return PriceAnswer.of(await call.bus.ask(request))


async def delete_price(call: Call[None, None]) -> None:
    await call.bus.ask(DeletePrice(id=call.path("price_id"), by=call.by))


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(method=method, path=path, handler=handler, summary=summary, tag="prices", only_known=True, **more)


ROUTES = (
    _route(
        "GET",
        _PATH,
        list_prices,
        "List the prices that admins have set, the latest first, and the table that counts beside them",
        access=Access.SESSION_OR_READ_KEY,
        query=PricesQuery,
        answers=PricesAnswer,
    ),
    _route(
        "POST",
        _PATH,
        create_price,
        "Set a price of models, which goes before the table's",
        access=Access.ADMIN,
        body=NewPrice,
        answers=PriceAnswer,
        status=201,
        errors=(Conflict,),
    ),
    _route(
        "DELETE",
        f"{_PATH}/{{price_id}}",
        delete_price,
        "Drop a price that was set; stored costs stay as they are",
        access=Access.ADMIN,
        answers=None,
        status=204,
        errors=(NotFound,),
        path_parameters=_ID,
    ),
)

"""The price table: the data of genai-prices, or a file in its form. Nothing is ever fetched.

The package's data takes 0.3 s and 30 MB to load, so it is loaded when the first model call comes. A file is read at the
start, because a fault in it has to be told then.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import orjson

from actors.runtime.actor import StartRefused
from actors.span_store.messages import PriceTable
from actors.span_store.pricing.own_price import MOST_PRICE
from actors.span_store.pricing.rate import Kinds, Rate, Step, step_of

_VARIABLE = "JUNJO_PRICES_FILE"
_MOST_BYTES = 64 * 1024 * 1024
_LONGEST_NAME = 256  # characters of a model or provider that is looked for
_LONGEST_FAULT = 500  # characters
_SECOND = 1_000_000_000
# Our words for providers, where the package has others.
_PROVIDERS = {"aws.bedrock": "aws", "azure.openai": "azure", "azure.ai.inference": "azure", "xai": "x-ai"}
# Of names on Bedrock, whose makers our model names leave out.
_BEDROCK_MAKERS = ("anthropic", "amazon", "meta", "mistral", "cohere", "ai21", "deepseek", "openai")
_ANY_PROVIDER = "litellm"  # a router: the model says whose it is


@attrs.frozen
class Listed:
    """A model of the table. ``at`` gives its rate at a Unix nanosecond, which changes at ``times`` of a day only."""

    at: Callable[[int], Rate | None]
    times: tuple[int, ...] = ()  # nanoseconds from midnight, UTC


class PackagePrices:
    """The prices that come with the package, loaded on first use."""

    def __init__(self) -> None:
        self.table = PriceTable(source="package", version=version("genai-prices"))
        self._providers = cache(_package_providers)

    def find(self, provider: str | None, model: str) -> Listed | None:
        """The model of a provider; ``None`` when the table has none like it."""
        return _find(self._providers(), provider, model)


class FilePrices:
    """The prices of a file, all in memory."""

    def __init__(self, path: Path) -> None:
        """Read the file. ``StartRefused`` says what is wrong with it."""
        content = _content(path)
        self.table = PriceTable(source="file", version=hashlib.sha256(content).hexdigest()[:12])
        self._providers = _checked(path, content)

    def find(self, provider: str | None, model: str) -> Listed | None:
        """The model of a provider; ``None`` when the table has none like it."""
        return _find(self._providers, provider, model)


def _package_providers() -> list[Any]:
    from genai_prices.data_snapshot import DataSnapshot, get_snapshot  # noqa: PLC0415 - see the top of the file

    snapshot: DataSnapshot = get_snapshot()
    return list(snapshot.providers)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as fault:
        raise StartRefused(f"{_VARIABLE}: {path} cannot be read: {fault.strerror}") from fault
    if len(content) > _MOST_BYTES:
        raise StartRefused(f"{_VARIABLE}: {path} has more than {_MOST_BYTES // 2**20} MB")
    return content


def _checked(path: Path, content: bytes) -> list[Any]:
    """The providers of a file, each of whose prices can be computed with."""
    from genai_prices.types import _providers_from_raw  # noqa: PLC0415 - see the top; the package has no public reader

    try:
        raw = orjson.loads(content)
        if not isinstance(raw, list) or not raw:
            raise ValueError("it is no list of providers")  # noqa: TRY301 - told like the faults that the package finds
        providers = _providers_from_raw(raw)
        for provider in providers:
            for model in provider.models:
                _check(provider, model)
    except (ValueError, TypeError, AssertionError, RecursionError, ArithmeticError) as fault:
        raise StartRefused(
            f"{_VARIABLE}: {path} is no price table in the form of genai-prices: {_told(fault)}"
        ) from None
    return list(providers)


def _told(fault: Exception) -> str:
    """One line; of many faults, as the package's parser has them, the first with its place."""
    text = str(fault)
    found = getattr(fault, "errors", None)
    if found is not None:
        first = found()[0]
        text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(text.split())[:_LONGEST_FAULT]


def _check(provider: Any, model: Any) -> None:  # noqa: ANN401 - classes of the package, which is imported on use
    """``ValueError`` when the package would not compute with a price of this model."""
    from genai_prices import Usage  # noqa: PLC0415 - see the top of the file

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for prices in _all_prices(model):
            try:
                prices.calc_price(Usage())
                steps = _steps(prices)
            except (ValueError, UserWarning, TypeError) as fault:
                raise ValueError(f"{provider.id}/{model.id}: {fault}") from fault
            if any(step.highest > MOST_PRICE for step in steps):
                raise ValueError(f"{provider.id}/{model.id}: a price of more than {MOST_PRICE:.0f} dollars")


def _all_prices(model: Any) -> Iterable[Any]:  # noqa: ANN401 - as above
    prices = model.prices
    return [each.prices for each in prices] if isinstance(prices, list) else [prices]


def _find(providers: list[Any], provider: str | None, model: str) -> Listed | None:
    from genai_prices.data_snapshot import find_provider_by_id  # noqa: PLC0415 - see the top of the file

    if len(model) > _LONGEST_NAME or len(provider or "") > _LONGEST_NAME:
        return None
    if provider is None or provider == _ANY_PROVIDER:
        its_provider = next((each for each in providers if _is_of(each, model)), None)
    else:
        its_provider = find_provider_by_id(providers, _PROVIDERS.get(provider, provider))
    if its_provider is None:
        return None
    names = [model]
    if its_provider.id == "aws":
        names += [f"{maker}.{model}" for maker in _BEDROCK_MAKERS]
    found = (its_provider.find_model(name, all_providers=providers) for name in names)
    listed = next(filter(None, found), None)
    return None if listed is None else _listed(its_provider.id, listed)


def _is_of(provider: Any, model: str) -> bool:  # noqa: ANN401 - as above
    return provider.model_match is not None and bool(provider.model_match.is_match(model.lower()))


def _listed(provider: str, model: Any) -> Listed:  # noqa: ANN401 - as above
    if not isinstance(model.prices, list):
        rate = _rate(provider, model.id, model.prices, None)
        return Listed(lambda _: rate)
    rates = [(each.constraint, _rate(provider, model.id, each.prices, each.constraint)) for each in model.prices]

    def at(start: int) -> Rate | None:
        moment = datetime.fromtimestamp(start // _SECOND, UTC)
        active = (rate for constraint, rate in reversed(rates) if constraint is None or constraint.active(moment))
        return next(active, rates[0][1] if rates else None)

    return Listed(at, tuple(sorted({time for constraint, _ in rates for time in _times(constraint)})))


def _times(constraint: Any) -> Iterator[int]:  # noqa: ANN401 - as above
    """The times of the day at which it begins and ends to hold, in UTC."""
    for name in ("start_time", "end_time"):
        time = getattr(constraint, name, None)
        if time is not None:
            moment = datetime.combine(datetime(2026, 1, 2, tzinfo=UTC), time, time.tzinfo or UTC).astimezone(UTC)
            yield (moment.hour * 3600 + moment.minute * 60 + moment.second) * _SECOND


def _rate(provider: str, model: str, prices: Any, constraint: Any) -> Rate | None:  # noqa: ANN401 - as above
    """``None`` where there are no prices of tokens, which is not the same as a price of nothing."""
    if prices.input_mtok is None and prices.output_mtok is None:
        return None
    first_day = getattr(constraint, "start_date", None)
    valid_from = None
    if first_day is not None:
        with suppress(OverflowError):
            valid_from = int(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC).timestamp()) * _SECOND
    return Rate(_steps(prices), provider, model, valid_from, own=False)


def _steps(prices: Any) -> tuple[Step, ...]:  # noqa: ANN401 - as above
    all_prices = (
        prices.input_mtok,
        prices.output_mtok,
        prices.cache_read_mtok,
        prices.cache_write_mtok,
        prices.output_reasoning_mtok,
        prices.requests_kcount,
    )
    bounds = {tier.start for price in all_prices for tier in getattr(price, "tiers", ())}
    return tuple(
        step_of(above, Kinds(*(_price_above(price, above) for price in all_prices))) for above in sorted({-1, *bounds})
    )


def _price_above(price: Any, above: int) -> float | None:  # noqa: ANN401 - as above
    """Of calls with more input tokens than that, as far as the next tier."""
    if price is None:
        return None
    if hasattr(price, "tiers"):
        reached = [tier.price for tier in price.tiers if tier.start <= above]
        return float(reached[-1] if reached else price.base)
    return float(price)

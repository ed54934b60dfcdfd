"""The cost of one call, line by line."""

from collections.abc import Iterator
from math import isclose
from typing import Protocol

from actors.span_store.pricing.book import PriceBook
from actors.span_store.pricing.cost import Cost, CostLine, Kind, Price
from actors.span_store.pricing.rate import MILLION, Rate, Step, disjoint

_NEAR = 1e-9  # relative: nearer sums are of one price
_KINDS: tuple[Kind, ...] = ("input", "cache_read", "cache_write", "output", "reasoning")
_NO_MODEL = "The span names no model"
_NO_TOKENS = "The span has no counts of tokens"


class Tokens(Protocol):
    """The tokens of a call: inclusive totals and their parts, ``None`` for what is not known."""

    @property
    def input(self) -> int | None: ...

    @property
    def output(self) -> int | None: ...

    @property
    def cache_read(self) -> int | None: ...

    @property
    def cache_write(self) -> int | None: ...

    @property
    def reasoning(self) -> int | None: ...


def explained(
    book: PriceBook,
    *,
    model: str | None,
    provider: str | None,
    tokens: Tokens | None,
    start_time_unix_nano: int,
    reported: float | None,
    stored: float | None = None,
) -> Cost:
    """How the cost of a call comes about.

    ``reported`` is what the sender said. ``stored`` is the computed cost that is stored of the span, if it is known:
    the price that gives it is shown then, also when another one counts by now.
    """
    if reported is not None:
        return Cost(usd=reported, source="reported")
    if tokens is None or (tokens.input is None and tokens.output is None):
        return Cost(usd=None, source=None, missing=_NO_TOKENS)
    if model is None:
        return Cost(usd=None, source=None, missing=_NO_MODEL)
    rates = book.candidates(provider, model, start_time_unix_nano)
    if stored is None:
        return _by_rate(rates[0], tokens) if rates else Cost(usd=None, source=None, missing=_no_price(provider, model))
    costs = (_by_rate(rate, tokens) for rate in rates)
    known = (cost for cost in costs if cost.usd is not None and isclose(cost.usd, stored, rel_tol=_NEAR))
    gone = Cost(usd=stored, source="computed", missing="The price that it was computed with counts no longer")
    return next(known, gone)


def _no_price(provider: str | None, model: str) -> str:
    of_provider = "" if provider is None else f" of {provider}"
    return f"There is no price for {model}{of_provider}"


def _by_rate(rate: Rate, counts: Tokens) -> Cost:
    step = rate.step(counts.input)
    price = Price(
        provider=rate.provider,
        model=rate.model,
        per_million=step.shown,
        valid_from=rate.valid_from,
        own=rate.own,
    )
    lacking = step.lacks(counts.input, counts.output)
    if lacking is not None:
        return Cost(usd=None, source=None, price=price, missing=f"There is no price for {lacking} tokens")
    lines = tuple(_lines(step, counts))
    return Cost(usd=sum(line.usd for line in lines), source="computed", price=price, lines=lines)


def _lines(step: Step, counts: Tokens) -> Iterator[CostLine]:
    """A line for each kind that there are tokens of."""
    tokens = disjoint(counts.input, counts.output, counts.cache_read, counts.cache_write, counts.reasoning)
    for kind, count in zip(_KINDS, tokens, strict=True):
        if count:
            yield CostLine(kind=kind, tokens=count, usd=count * float(getattr(step, kind)) / MILLION)
    if step.request:
        yield CostLine(kind="request", tokens=0, usd=step.request)

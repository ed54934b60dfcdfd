"""The cost of one call as a value, line by line."""

from typing import Literal, TypeAlias

import attrs

from actors.span_store.pricing.own_price import PerMillion

Kind: TypeAlias = Literal["input", "cache_read", "cache_write", "output", "reasoning", "request"]


@attrs.frozen(kw_only=True)
class Price:
    """The price that a call has. ``model`` is that of the table, or the pattern of an own price."""

    provider: str | None
    model: str
    per_million: PerMillion
    valid_from: int | None  # Unix nanoseconds; None where the table says no beginning
    own: bool


@attrs.frozen(kw_only=True)
class CostLine:
    """Tokens of one kind and what they cost. A line of kind ``request`` is for the call itself, however long it is."""

    kind: Kind
    tokens: int
    usd: float


@attrs.frozen(kw_only=True)
class Cost:
    """A cost in US dollars. Its lines are disjoint and add up to it; ``missing`` says why there are none."""

    usd: float | None
    source: Literal["reported", "computed"] | None
    price: Price | None = None
    lines: tuple[CostLine, ...] = ()
    missing: str | None = None

"""Numbers of senders in the one form that columns have: totals that include their parts, and costs that are known."""

from collections.abc import Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyArray, Doubles, Int64s, Untold

_ZERO: Untold = pa.scalar(0, pa.int64())  # stands in for values of arrays, which the stubs want to be arrays
_NO_COST = pa.scalar(0.0, pa.float64())
_FALSE = pa.scalar(False, pa.bool_())


def completed_input(columns: Mapping[str, AnyArray], is_raw: Untold) -> dict[str, AnyArray]:
    """Totals of input tokens with what was cached, where they are a provider's own that leave it out."""
    return _completed(columns, is_raw, "input_tokens", "cache_read_tokens", "cache_write_tokens")


def completed_output(columns: Mapping[str, AnyArray], is_raw: Untold) -> dict[str, AnyArray]:
    """Totals of output tokens with thoughts, where they are a provider's own that leave those out."""
    return _completed(columns, is_raw, "output_tokens", "reasoning_tokens")


def _completed(columns: Mapping[str, AnyArray], is_raw: Untold, total: str, *parts: str) -> dict[str, AnyArray]:
    try:
        whole = reduce(pc.add_checked, (without_nulls(columns[part]) for part in parts), columns[total])
    except pa.ArrowInvalid:  # numbers that are no counts of tokens
        return {}
    return {total: pc.if_else(pc.coalesce(is_raw, _FALSE), whole, columns[total])}


def known_costs(costs: Doubles) -> Doubles:
    """Costs that are known: who has no price for a model writes 0."""
    known: Doubles = pc.if_else(pc.equal(costs, _NO_COST), pa.scalar(None, pa.float64()), costs)
    return known


def without_nulls(part: Int64s) -> Int64s:
    """The counts, with 0 where there is none."""
    return pc.coalesce(part, _ZERO) if part.null_count else part

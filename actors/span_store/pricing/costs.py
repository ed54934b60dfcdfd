"""The columns ``cost_usd`` and ``cost_source`` of rows.

Rates are looked up once for each model and day, and the sums are made in Arrow. Tokens are inclusive totals; what is
priced are the disjoint parts of them.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.conventions import MODEL_CALLS
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.types import Booleans, Doubles, Int32s, Int64s, Texts, Untold
from actors.span_store.pricing.book import DAY, PriceBook
from actors.span_store.pricing.rate import MILLION, Step, disjoint

_Price: TypeAlias = Literal["input", "cache_read", "cache_write", "output", "reasoning", "request"]

COST, SOURCE = "cost_usd", "cost_source"
_FEW = 64  # rows that are priced one by one: each step in Arrow costs much the same for one and for a hundred
# What a cost is made of, beside the time of the call.
_OF_CALLS = [
    "provider",
    "model",
    "start_time_unix_nano",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
]
_AMOUNT, _TEXT = pa.float64(), pa.string()
_NO_TEXT = pa.scalar(None, _TEXT)
# Scalars stand in for values of arrays, which the stubs want to be arrays.
COMPUTED: Untold = pa.scalar("computed", _TEXT)
_REPORTED: Untold = pa.scalar("reported", _TEXT)
_ZERO: Untold = pa.scalar(0.0, _AMOUNT)
_NO_TOKENS: Untold = pa.scalar(0, pa.int64())
_MILLION = pa.scalar(MILLION, _AMOUNT)


def priced(rows: pa.RecordBatch, book: PriceBook) -> pa.RecordBatch:
    """The rows with the costs of those model calls that have none. Others cost next to nothing here."""
    types = rows["type"]
    if types.null_count == len(types):
        return rows
    if len(types) <= _FEW:
        return _few_priced(rows, book)
    return _with_costs(rows, is_model_call(types), pc.is_null(rows[COST]), book)


def priced_anew(rows: pa.RecordBatch, since: int, book: PriceBook) -> pa.RecordBatch:
    """The rows with the computed costs of those that start at ``since`` or later as they are by this book."""
    is_reported = pc.equal(pc.coalesce(rows[SOURCE], COMPUTED), _REPORTED)
    is_late = pc.greater_equal(rows["start_time_unix_nano"], pa.scalar(since, pa.uint64()))
    return _with_costs(rows, is_model_call(rows["type"]), pc.and_not(is_late, is_reported), book)


def in_batches(rows: pa.Table, change: Callable[[pa.RecordBatch], pa.RecordBatch]) -> pa.Table:
    """A table changed batch by batch."""
    return pa.Table.from_batches([change(batch) for batch in rows.to_batches()], rows.schema)


def _few_priced(rows: pa.RecordBatch, book: PriceBook) -> pa.RecordBatch:
    """The same, one by one."""
    costs: list[Any] = rows[COST].to_pylist()
    types = enumerate(rows["type"].to_pylist())
    calls = [row for row, kind in types if kind in MODEL_CALLS and costs[row] is None]
    if not calls:
        return rows
    columns = [rows[name].to_pylist() for name in _OF_CALLS]
    values = [[column[row] for row in calls] for column in columns]
    sources: list[Any] = rows[SOURCE].to_pylist()
    for row, step, *tokens in zip(calls, _steps(values[:5], book), *values[3:], strict=True):
        if step is not None:
            costs[row], sources[row] = step.cost(disjoint(*tokens)), "computed"
    return _replaced(rows, pa.array(costs, _AMOUNT), pa.array(sources, _TEXT))


def _with_costs(rows: pa.RecordBatch, are_calls: Untold, wanted: Booleans, book: PriceBook) -> pa.RecordBatch:
    """Price the calls that are wanted; those that have no price have none afterwards."""
    if not are_calls.true_count:
        return rows
    wanted = pc.and_(are_calls, wanted)
    costs = costs_of(rows.select(_OF_CALLS).filter(wanted), book)
    sources = pc.if_else(pc.is_valid(costs), COMPUTED, _NO_TEXT)
    replaced = (pc.replace_with_mask(rows[name], wanted, made) for name, made in ((COST, costs), (SOURCE, sources)))
    return _replaced(rows, *replaced)


def _replaced(rows: pa.RecordBatch, costs: Doubles, sources: Texts) -> pa.RecordBatch:
    for name, column in ((COST, costs), (SOURCE, sources)):
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), column)
    return rows


def costs_of(calls: pa.RecordBatch, book: PriceBook) -> Doubles:
    """The costs of model calls, null for those without a price or without tokens."""
    of_calls = _steps([calls[name].to_pylist() for name in _OF_CALLS[:5]], book)
    different = dict.fromkeys(of_calls)
    steps = list(filter(None, different))
    if not steps:
        return pa.nulls(len(of_calls), _AMOUNT)
    places = None if len(different) == 1 else _places(steps, of_calls)
    kinds = _disjoint(calls).items()
    parts = [pc.multiply(count, _prices(steps, kind, places)) for kind, count in kinds if count is not None]
    cost: Doubles = pc.divide(reduce(pc.add, parts), _MILLION)
    if not any(step.request for step in steps):
        return cost
    whole: Doubles = pc.add(cost, _prices(steps, "request", places))
    return whole


def _disjoint(calls: pa.RecordBatch) -> dict[_Price, Doubles | None]:
    """Counts of tokens that have nothing in common; ``None`` where no call has any."""
    read, write, reasoning = (_tokens(calls, name) for name in _OF_CALLS[5:])
    return {
        "input": _rest(_tokens(calls, "input_tokens"), read, write),
        "cache_read": read,
        "cache_write": write,
        "output": _rest(_tokens(calls, "output_tokens"), reasoning),
        "reasoning": reasoning,
    }


def _steps(calls: Sequence[Sequence[Any]], book: PriceBook) -> list[Step | None]:
    """The prices of each call, given as the first five columns; ``None`` where one is missing, or all tokens are."""
    providers, models, starts, inputs, outputs = calls
    days = [start // DAY for start in starts]
    keys = list(zip(providers, models, days, strict=True))
    rates = book.rates(key for key in dict.fromkeys(keys) if key[1] is not None)
    only = {key: of_day.only for key, of_day in rates.items()}
    steps = []
    for key, start, of_input, of_output in zip(keys, starts, inputs, outputs, strict=True):
        step = only.get(key)
        if step is None and key in rates:
            step = rates[key].step(start, of_input, of_output)
        steps.append(None if of_input is None and of_output is None else step)
    return steps


def _places(steps: Sequence[Step], of_calls: Sequence[Step | None]) -> Int32s:
    numbers = {step: number for number, step in enumerate(steps)}
    return pa.array([step and numbers[step] for step in of_calls], pa.int32())


def _prices(steps: Sequence[Step], kind: _Price, places: Int32s | None) -> Untold:
    """The price of each call; one for all without ``places``."""
    prices = pa.array([getattr(step, kind) for step in steps], _AMOUNT)
    return prices[0] if places is None else prices.take(places)


def _tokens(calls: pa.RecordBatch, name: str) -> Doubles | None:
    """A column of tokens, 0 for unknown ones; ``None`` when all are."""
    column: Int64s = calls[name]
    if column.null_count == len(column):
        return None
    known = pc.coalesce(column, _NO_TOKENS) if column.null_count else column
    tokens: Doubles = pc.cast(known, _AMOUNT, safe=False)
    return tokens


def _rest(total: Doubles | None, *parts: Doubles | None) -> Doubles | None:
    """What is left of a total without its parts."""
    there = [part for part in parts if part is not None]
    if total is None or not there:
        return total
    rest: Doubles = pc.max_element_wise(reduce(pc.subtract, there, total), _ZERO)
    return rest

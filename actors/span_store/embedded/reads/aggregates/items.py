"""What is counted, as relations with the same columns: model calls, spans, or traces.

The columns: ``k0`` to ``k2``, the fields that are grouped by, as text; ``start``; ``failed``; ``duration``, null for
what runs; ``input_tokens`` and the others, ``cost_usd`` and ``unpriced`` of the model calls; ``first_token`` in
nanoseconds, and ``rate`` in tokens a second; ``trace_id`` where it is asked for.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from actors.span_store.query.expression import Value
from actors.span_store.query.language.fields import FilterField
from actors.span_store.query.sql import Condition

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
MOST = 2**63 - 1
DURATION = """
    CASE WHEN end_time_unix_nano = 0 THEN NULL
    WHEN end_time_unix_nano >= start_time_unix_nano THEN end_time_unix_nano - start_time_unix_nano ELSE 0 END
"""
# From the first token on, where it is known.
_RATE = """
    CASE WHEN counted AND duration > 0 THEN output_tokens * 1e9 / (
        duration - CASE WHEN time_to_first_token_ns BETWEEN 1 AND duration - 1 THEN time_to_first_token_ns ELSE 0 END
    ) END
"""
# Orders spans by start, then id, as one number with a sign: DuckDB takes many times as long for a pair.
_FIRST = f"""
    ((start_time_unix_nano::HUGEINT - {2**63}) * {2**64} + coalesce(TRY_CAST('0x' || span_id AS UBIGINT), 0)::HUGEINT)
"""


@attrs.frozen
class Items:
    """What to put behind FROM, and its parameters. ``parts`` are disjoint and have all items."""

    text: str
    parameters: Sequence[Value]
    part: str  # a condition that is true of the items of part ``{part}`` of ``{parts}``

    def in_part(self, part: int, parts: int) -> str:
        if parts == 1:
            return self.text.replace(_PART, "TRUE")
        return self.text.replace(_PART, self.part.format(part=part, parts=parts))


_PART = "/* part */"


def keys_of(fields: Iterable[FilterField]) -> list[str]:
    """Each as text, and as the API spells it."""
    return [field.column.name if field.codes is None else _worded(field.column.name, field.codes) for field in fields]


def names_of(columns: Sequence[str]) -> list[str]:
    """What keys are called."""
    return [f"k{number}" for number, _ in enumerate(columns)]


def _worded(column: str, codes: Mapping[str, int]) -> str:
    """The word of a number; that of 0 stands for numbers that OTLP does not know."""
    whens = " ".join(f"WHEN {number:d} THEN '{word}'" for word, number in codes.items())
    return f"CASE {column} {whens} ELSE '{min(codes, key=codes.__getitem__)}' END"


def span_items(
    spans: str, keys: Sequence[str], wanted: Condition, *, only_calls: bool, with_trace: bool = False
) -> Items:
    """Spans of the relation ``spans`` that fulfil the condition, or the model calls among them."""
    sums = ", ".join(f"CASE WHEN counted THEN {name} END AS {name}" for name in (*TOKENS, "cost_usd"))
    where = f"{'counted AND ' if only_calls else ''}({wanted.text}) AND {_PART}"
    text = f"""(
        SELECT
            {_keys(keys)} {_trace(with_trace=with_trace)}start_time_unix_nano AS start,
            status_code = 2 AS failed, duration, {sums},
            (counted AND cost_usd IS NULL)::INTEGER AS unpriced,
            CASE WHEN counted AND time_to_first_token_ns >= 0 THEN time_to_first_token_ns END AS first_token,
            {_RATE} AS rate
        FROM (SELECT *, {DURATION} AS duration FROM {spans} WHERE {where})
    )"""  # noqa: S608 - the parts are constants of these modules and conditions with parameters
    return Items(text, wanted.parameters, _part_of(keys))


def trace_items(
    spans: str, keys: Sequence[str], wanted: Condition, within: Condition, *, with_trace: bool = False
) -> Items:
    """Traces of which a span fulfils a condition, and that start where the other one says.

    A field is that of the root, else of the earliest span that has one.
    """
    sums = ", ".join(f"{sum_of(name, 'FILTER (counted)')} AS {name}" for name in TOKENS)
    firsts = [
        f"coalesce(arg_min({key}, {_FIRST}) FILTER (parent_span_id IS NULL), arg_min({key}, {_FIRST}))" for key in keys
    ]
    asked = [each for each in (within, wanted) if each.text != "TRUE"]
    some = [f"trace_id IN (SELECT trace_id FROM {spans} WHERE {each.text} AND {_PART})" for each in asked]  # noqa: S608 - as above
    text = f"""(
        SELECT
            {_keys(firsts)} {_trace(with_trace=with_trace)}min(start_time_unix_nano) AS start,
            coalesce(arg_min(status_code, {_FIRST}) FILTER (parent_span_id IS NULL) = 2, FALSE)
                OR coalesce(bool_or(status_code = 2) FILTER (counted), FALSE) AS failed,
            CASE WHEN max(end_time_unix_nano) = 0 THEN NULL
                WHEN max(end_time_unix_nano) >= min(start_time_unix_nano)
                THEN max(end_time_unix_nano) - min(start_time_unix_nano) ELSE 0 END AS duration,
            {sums}, fsum(cost_usd) FILTER (counted) AS cost_usd,
            count(*) FILTER (counted AND cost_usd IS NULL) AS unpriced,
            NULL::BIGINT AS first_token, NULL::DOUBLE AS rate
        FROM {spans}
        WHERE {" AND ".join([*some, _PART])}
        GROUP BY trace_id
        HAVING {within.text.replace("start_time_unix_nano", "min(start_time_unix_nano)")}
    )"""  # noqa: S608 - as above
    parameters = [value for each in (*asked, within) for value in each.parameters]
    return Items(text, parameters, _part_of(["trace_id"]))


def sum_of(column: str, which: str = "") -> str:
    """The sum of whole numbers, ``MOST`` where it is larger; null of nothing."""
    total = f"sum({column}) {which}"
    return f"CASE WHEN {total} <= {MOST} THEN {total}::BIGINT WHEN {total} IS NOT NULL THEN {MOST} END"


def _keys(keys: Sequence[str]) -> str:
    return "".join(f"{key} AS k{number}, " for number, key in enumerate(keys))


def _trace(*, with_trace: bool) -> str:
    return "trace_id, " if with_trace else ""


def _part_of(keys: Sequence[str]) -> str:
    return f"hash({', '.join(keys) or '0'}) % {{parts}} = {{part}}"

"""Sums in plain Python: what any engine's are held against."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any, TypeAlias

import attrs
import pyarrow as pa

from actors.span_store.asked.buckets import edges_between
from actors.span_store.asked.stats import GROUPED, GetStats, Group, Measures, Others, ScoreSum, Stats, Subject
from actors.span_store.traces.summary import Tokens
from tests.actors.span_store.conformance.plain_values import said
from tests.actors.span_store.plain_counting import counted_ids, filter_among

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_ERROR = 2
Scores: TypeAlias = Mapping[str, tuple[int, float]]  # by trace: how many there are, and their sum


@attrs.frozen(kw_only=True)
class Item:
    """What is counted once. ``calls`` are the model calls in it."""

    key: tuple[str | None, ...]
    start: int
    failed: bool
    duration: int | None
    calls: Sequence[Mapping[str, Any]]
    says_speed: bool
    trace_id: str


def stats_of(rows: pa.Table, request: GetStats) -> Stats:
    """Of all spans that are stored, with all columns."""
    items = list(_items(rows, request))
    scores = {row["trace_id"]: (row["count"], row["total"]) for row in _rows_of(request.scores)}
    starts = [item.start for item in items]
    since = request.since if request.since is not None else min(starts, default=None)
    until = request.until if request.until is not None else max([request.now, *(start + 1 for start in starts)])
    interval = request.interval and request.interval.fitting(0 if since is None else max(0, until - since))
    edges: tuple[int, ...] = ()
    if interval is not None and since is not None and since < until:
        edges = edges_between(since, until, interval, request.zone)
    by_key: defaultdict[tuple[str | None, ...], list[Item]] = defaultdict(list)
    if not request.group_by:
        by_key[()] = []
    for item in items:
        by_key[item.key].append(item)
    order = sorted(by_key, key=lambda key: (-len(by_key[key]), [(each is None, each or "") for each in key]))
    top, left = order[: request.limit], order[request.limit :]
    others = [item for key in left for item in by_key[key]]
    return Stats(
        from_unix_nano=since,
        to_unix_nano=until,
        interval=interval,
        edges=edges,
        groups=tuple(
            Group(key=key, total=_measures(by_key[key], scores), points=_points(by_key[key], edges, scores))
            for key in top
        ),
        others=Others(groups=len(left), total=_measures(others, scores), points=_points(others, edges, scores))
        if left
        else None,
    )


def _rows_of(table: pa.Table | None) -> list[Any]:
    return [] if table is None else table.to_pylist()


def _items(rows: pa.Table, request: GetStats) -> Iterable[Item]:
    right = set(filter_among(request.where, rows).rows(rows)["seq"].to_pylist())
    traces: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        traces[row["trace_id"]].append(row)
    for spans in traces.values():
        ids = counted_ids(pa.Table.from_pylist(spans, rows.schema))
        spans.sort(key=lambda row: (row["start_time_unix_nano"], row["span_id"]))
        counted = [row for row in spans if row["span_id"] in ids]
        if request.of is not Subject.TRACES:
            some = spans if request.of is Subject.SPANS else counted
            found = [_span(row, row in counted, request) for row in some if row["seq"] in right]
        else:
            found = [_trace(spans, counted, request)] if any(row["seq"] in right for row in spans) else []
        yield from (item for item in found if _is_within(item.start, request))


def _is_within(start: int, request: GetStats) -> bool:
    return (request.since or 0) <= start and (request.until is None or start < request.until)


def _span(row: dict[str, Any], is_counted: bool, request: GetStats) -> Item:
    return Item(
        key=tuple(_value(row, name) for name in request.group_by),
        start=row["start_time_unix_nano"],
        failed=row["status_code"] == _ERROR,
        duration=_duration(row["start_time_unix_nano"], row["end_time_unix_nano"]),
        calls=[row] if is_counted else [],
        says_speed=True,
        trace_id=row["trace_id"],
    )


def _trace(spans: Sequence[dict[str, Any]], counted: Sequence[dict[str, Any]], request: GetStats) -> Item:
    roots = [row for row in spans if row["parent_span_id"] is None]
    values = [[_value(row, name) for row in (*_with(roots, name), *spans)] for name in request.group_by]
    start = min(row["start_time_unix_nano"] for row in spans)
    return Item(
        key=tuple(next((value for value in some if value is not None), None) for some in values),
        start=start,
        failed=any(row["status_code"] == _ERROR for row in (*roots[:1], *counted)),
        duration=_duration(start, max(row["end_time_unix_nano"] for row in spans)),
        calls=counted,
        says_speed=False,
        trace_id=spans[0]["trace_id"],
    )


def _with(roots: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in roots if _value(row, name) is not None]


def _value(row: Mapping[str, Any], name: str) -> str | None:
    if name not in GROUPED:
        found = (value for value in said(row, name) if isinstance(value, str | bool | int | float))
        return next((str(value).lower() if isinstance(value, bool) else str(value) for value in found), None)
    field = GROUPED[name]
    value = row[field.column.name]
    if field.codes is not None:
        words = list(field.codes)
        return words[value] if value in field.codes.values() else words[0]
    return None if value is None else str(value)


def _duration(start: int, end: int) -> int | None:
    return max(0, end - start) if end else None


def _points(items: Sequence[Item], edges: Sequence[int], scores: Scores) -> dict[int, Measures]:
    by_bucket: defaultdict[int, list[Item]] = defaultdict(list)
    for item in items if edges else ():
        by_bucket[sum(edge <= item.start for edge in edges) - 1].append(item)
    return {number: _measures(some, scores) for number, some in by_bucket.items()}


def _measures(items: Sequence[Item], scores: Scores) -> Measures:
    calls = [call for item in items for call in item.calls]
    costs = [call["cost_usd"] for call in calls if call["cost_usd"] is not None]
    speeds = [call for item in items for call in item.calls if item.says_speed]
    first = [call["time_to_first_token_ns"] for call in speeds if (call["time_to_first_token_ns"] or -1) >= 0]
    rates = [rate for call in speeds if (rate := _rate(call)) is not None]
    return Measures(
        count=len(items),
        errors=sum(item.failed for item in items),
        tokens=_tokens(calls),
        cost_usd=fsum(costs) if costs else None,
        unpriced=len(calls) - len(costs),
        durations=_quantiles([item.duration for item in items if item.duration is not None], 50, 90, 95, 99),
        first_tokens=_quantiles(first, 50, 95),
        tokens_per_second=(_quantiles(rates, 50) or (None,))[0],
        score=_score([scores[trace] for trace in {item.trace_id for item in items} if trace in scores]),
    )


def _score(found: Sequence[tuple[int, float]]) -> ScoreSum | None:
    count = sum(each for each, _ in found)
    return ScoreSum(count=count, mean=fsum(total for _, total in found) / count) if count else None


def _rate(call: Mapping[str, Any]) -> float | None:
    duration = _duration(call["start_time_unix_nano"], call["end_time_unix_nano"])
    if not duration or call["output_tokens"] is None:
        return None
    first = call["time_to_first_token_ns"] or 0
    return float(call["output_tokens"] * 1e9 / (duration - (first if 0 < first < duration else 0)))


def _tokens(calls: Sequence[Mapping[str, Any]]) -> Tokens | None:
    sums = [[call[name] for call in calls if call[name] is not None] for name in _TOKENS]
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    if not any(sums):
        return None
    return Tokens(**{name: sum(some) if some else None for name, some in zip(names, sums, strict=True)})


def _quantiles(values: Sequence[float], *percents: int) -> tuple[float, ...] | None:
    """The smallest value that so many percent are not above."""
    ranked = sorted(values)
    return tuple(ranked[max(0, math.ceil(percent * len(ranked) / 100) - 1)] for percent in percents) if ranked else None

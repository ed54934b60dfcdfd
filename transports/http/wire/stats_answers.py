"""Members of the answer with sums. They describe what ``stats_json`` makes; tests hold the two together."""

from datetime import datetime
from typing import Any

import attrs

from transports.http.framework.route import described
from transports.http.wire.trace_answers import TokensAnswer

_FROM, _TO = "2026-11-30T07:00:00.000Z", "2026-11-30T08:00:00.000Z"
_TOKENS = {"input": 5200, "output": 940, "cache_read": 1800, "cache_write": None, "reasoning": 310}
_DURATIONS = {"p50": 640000000, "p90": 1400000000, "p95": 1900000000, "p99": 4100000000}
_FIRST_TOKENS = {"p50": 210000000, "p95": 480000000}
_RATE = {"p50": 61.5}
_SCORE = {"count": 8, "mean": 0.75}


@attrs.frozen(kw_only=True)
class DurationsAnswer:
    """Quantiles of durations, in nanoseconds, within 2 %."""

    p50: int = attrs.field(metadata=described("Half of them are no longer", 640000000))
    p90: int = attrs.field(metadata=described("90 % of them are no longer", 1400000000))
    p95: int = attrs.field(metadata=described("95 % of them are no longer", 1900000000))
    p99: int = attrs.field(metadata=described("99 % of them are no longer", 4100000000))


@attrs.frozen(kw_only=True)
class FirstTokensAnswer:
    """Quantiles of times to the first token, in nanoseconds, within 2 %."""

    p50: int = attrs.field(metadata=described("Half of them are no longer", 210000000))
    p95: int = attrs.field(metadata=described("95 % of them are no longer", 480000000))


@attrs.frozen(kw_only=True)
class RatesAnswer:
    """Quantile of output tokens a second, within 2 %."""

    p50: float = attrs.field(metadata=described("Half of the calls are no faster", 61.5))


@attrs.frozen(kw_only=True)
class ScoreMeanAnswer:
    """The scores of one name that are numbers, of all traces that the calls, spans or traces are of."""

    count: int = attrs.field(metadata=described("How many scores they are; each trace is asked once", 8))
    mean: float = attrs.field(metadata=described("Their mean", 0.75))


@attrs.frozen(kw_only=True)
class PointAnswer:
    """Sums of a bucket of time, or of all time that was asked for."""

    time: datetime | None = attrs.field(
        metadata=described("When the bucket begins, UTC, nine decimals; null for all time", _FROM)
    )
    partial: bool = attrs.field(
        metadata=described("The bucket is cut by from, to or now: it may have more", example=False)
    )
    count: int = attrs.field(metadata=described("Calls, spans or traces", 12))
    errors: int = attrs.field(metadata=described("Those that failed", 1))
    tokens: TokensAnswer | None = attrs.field(
        metadata=described("Sums of the model calls; null when none was sent", _TOKENS)
    )
    cost_usd: float | None = attrs.field(
        metadata=described("US dollars of the calls with a price; null when none has one", 0.042)
    )
    unpriced: int = attrs.field(metadata=described("Model calls without a price", 2))
    duration_ns: DurationsAnswer | None = attrs.field(
        metadata=described("Of what has ended; null without any", _DURATIONS)
    )
    time_to_first_token_ns: FirstTokensAnswer | None = attrs.field(
        metadata=described("Of the model calls that say it; null without any, and of traces", _FIRST_TOKENS)
    )
    tokens_per_second: RatesAnswer | None = attrs.field(
        metadata=described("Output tokens of model calls, from the first token on where it is known", _RATE)
    )
    score: ScoreMeanAnswer | None = attrs.field(
        default=None,
        metadata=described("Of the score that was asked for; null where no trace has one, else not there", _SCORE),
    )


_POINT: dict[str, Any] = {
    "time": _FROM,
    "partial": False,
    "count": 12,
    "errors": 1,
    "tokens": _TOKENS,
    "cost_usd": 0.042,
    "unpriced": 2,
    "duration_ns": _DURATIONS,
    "time_to_first_token_ns": _FIRST_TOKENS,
    "tokens_per_second": _RATE,
    "score": _SCORE,
}
_TOTAL = _POINT | {"time": None}


@attrs.frozen(kw_only=True)
class GroupAnswer:
    """What has the same values in the fields that are grouped by."""

    key: dict[str, str | None] = attrs.field(
        metadata=described("The fields, by name; null where one is missing", {"model": "gpt-4o"})
    )
    total: PointAnswer = attrs.field(metadata=described("All of it", _TOTAL))
    points: list[PointAnswer] = attrs.field(metadata=described("Each bucket; none without an interval", [_POINT]))


@attrs.frozen(kw_only=True)
class OthersAnswer:
    """All groups behind the limit together."""

    groups: int = attrs.field(metadata=described("How many groups they are", 3))
    total: PointAnswer = attrs.field(metadata=described("All of them", _TOTAL))
    points: list[PointAnswer] = attrs.field(metadata=described("Each bucket; none without an interval", [_POINT]))


@attrs.frozen(kw_only=True)
class StatsAnswer:
    """Sums by groups and over time."""

    of: str = attrs.field(metadata=described("What was counted", "calls") | {"enum": ["calls", "spans", "traces"]})
    from_: datetime | None = attrs.field(
        metadata=described("From when on, else the first start; null when there is nothing", _FROM)
    )
    to: datetime = attrs.field(metadata=described("Until when, else now", _TO))
    interval: str | None = attrs.field(metadata=described("Length of the buckets", "1h"))
    tz: str = attrs.field(metadata=described("Time zone of the buckets", "Europe/Berlin"))
    groups: list[GroupAnswer] = attrs.field(
        metadata=described("Largest first", [{"key": {"model": "gpt-4o"}, "total": _TOTAL, "points": [_POINT]}])
    )
    other: OthersAnswer | None = attrs.field(
        metadata=described(
            "The groups behind the limit; null without any", {"groups": 3, "total": _TOTAL, "points": [_POINT]}
        )
    )

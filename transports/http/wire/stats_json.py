"""Sums as JSON text: see ``stats_answers`` for their members."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs
import orjson

from actors.span_store.asked.stats import GetStats, Measures, Stats, grouped_name
from actors.span_store.traces.summary import Tokens
from transports.http.wire.moments import time_text

_DURATIONS, _FIRST_TOKENS = ("p50", "p90", "p95", "p99"), ("p50", "p95")
_NOTHING = Measures()


def render_stats(request: GetStats, stats: Stats) -> bytes:
    """Answer of a request. CPU-heavy for tens of thousands of points."""
    buckets = _Buckets.of(request, stats)
    names = list(map(grouped_name, request.group_by))
    others = stats.others
    document = {
        "of": request.of.value,
        "from": None if stats.from_unix_nano is None else time_text(stats.from_unix_nano),
        "to": time_text(stats.to_unix_nano),
        "interval": None if stats.interval is None else stats.interval.value,
        "tz": request.zone.key,
        "groups": [
            {"key": dict(zip(names, group.key, strict=True)), **buckets.members(group.total, group.points)}
            for group in stats.groups
        ],
        "other": None if others is None else {"groups": others.groups, **buckets.members(others.total, others.points)},
    }
    return orjson.dumps(document)


@attrs.frozen
class _Buckets:
    """The time of each bucket, and whether it is cut; whether points have scores."""

    times: Sequence[tuple[str, bool]]
    has_scores: bool

    @classmethod
    def of(cls, request: GetStats, stats: Stats) -> "_Buckets":
        """What was not asked for cuts nothing: everything is there."""
        since = stats.edges[0] if request.since is None and stats.edges else stats.from_unix_nano or 0
        until = request.now if request.until is None else min(request.until, request.now)
        edges = pairwise(stats.edges)
        times = [(time_text(begin), begin < since or end > until) for begin, end in edges]
        return cls(times, has_scores=request.scores is not None)

    def members(self, total: Measures, points: Mapping[int, Measures]) -> dict[str, Any]:
        """A fragment for each point, so that no more than one is in memory as a document."""
        return {"total": self._point(None, total, is_partial=False), "points": list(self._points(points))}

    def _points(self, points: Mapping[int, Measures]) -> Iterator[orjson.Fragment]:
        for number, (time, is_partial) in enumerate(self.times):
            point = self._point(time, points.get(number, _NOTHING), is_partial=is_partial)
            yield orjson.Fragment(orjson.dumps(point))

    def _point(self, time: str | None, measures: Measures, *, is_partial: bool) -> dict[str, Any]:
        point = _point(time, measures, is_partial=is_partial)
        return point | {"score": measures.score and attrs.asdict(measures.score)} if self.has_scores else point


def _point(time: str | None, measures: Measures, *, is_partial: bool) -> dict[str, Any]:
    rate = measures.tokens_per_second
    return {
        "time": time,
        "partial": is_partial,
        "count": measures.count,
        "errors": measures.errors,
        "tokens": _tokens(measures.tokens),
        "cost_usd": measures.cost_usd,
        "unpriced": measures.unpriced,
        "duration_ns": _whole(_DURATIONS, measures.durations),
        "time_to_first_token_ns": _whole(_FIRST_TOKENS, measures.first_tokens),
        "tokens_per_second": None if rate is None else {"p50": rate},
    }


def _whole(names: Sequence[str], quantiles: Sequence[float] | None) -> dict[str, int] | None:
    return None if quantiles is None else dict(zip(names, map(round, quantiles), strict=True))


def _tokens(tokens: Tokens | None) -> dict[str, int | None] | None:
    return None if tokens is None else attrs.asdict(tokens)

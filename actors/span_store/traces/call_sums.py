"""Sums of model calls by what they were made in."""

from collections.abc import Iterable, Mapping

import attrs
import pyarrow as pa

from actors.span_store.columns.types import Untold
from actors.span_store.traces.summaries import call_sums
from actors.span_store.traces.summary import Tokens


@attrs.frozen(kw_only=True)
class CallSums:
    """What calls took together. ``None`` is not known."""

    tokens: Tokens | None
    cost_usd: float | None  # of the calls that have a price


def sums_by_member(calls: pa.Table, members: Mapping[str, str]) -> dict[str, CallSums]:
    """Those of the calls in each member. ``members`` says by span ids in which one a call was made."""
    rows: dict[str, list[int]] = {}
    ids: Untold = calls["span_id"]
    for row, span_id in enumerate(ids.to_pylist()):
        if span_id in members:
            rows.setdefault(members[span_id], []).append(row)
    return {member: _sums(calls, some) for member, some in rows.items()}


def _sums(calls: pa.Table, rows: Iterable[int]) -> CallSums:
    sums = call_sums(calls.take(pa.array(rows, pa.int64())))
    return CallSums(tokens=sums["tokens"], cost_usd=sums["cost_usd"])

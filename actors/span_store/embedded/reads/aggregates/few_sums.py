"""What all spans of some traces say together, where they are few: the rows of the statement of ``trace_sums``."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import fsum
from typing import Any, TypeAlias

import pyarrow as pa

from actors.span_store.traces.summary import MOST_LISTED

Columns: TypeAlias = dict[str, list[Any]]

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_ERROR = 2
_READ = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "service_name",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "counted",
    "model",
    "agent",
    "tool",
    "session_id",
    "user_id",
    "cost_usd",
    "seq",
    *TOKENS,
)


def summed_here(spans: pa.Table) -> Iterator[dict[str, Any]]:
    """A row for each trace. ``spans`` are all of theirs."""
    columns: Columns = {name: spans[name].to_pylist() for name in _READ}
    starts, ids = columns["start_time_unix_nano"], columns["span_id"]
    by_trace: defaultdict[str, list[int]] = defaultdict(list)
    for row in sorted(range(spans.num_rows), key=lambda row: (starts[row], ids[row])):
        by_trace[columns["trace_id"][row]].append(row)
    for trace_id, rows in by_trace.items():
        yield {"trace_id": trace_id, **_of_all(columns, rows), **_of_calls(columns, rows)}


def _of_all(columns: Columns, rows: Sequence[int]) -> dict[str, Any]:
    seqs, parents = columns["seq"], columns["parent_span_id"]
    return {
        "span_count": len(rows),
        "error_count": _errors(columns, rows),
        "start": columns["start_time_unix_nano"][rows[0]],
        "end": max(columns["end_time_unix_nano"][row] for row in rows),
        "root": _first(seqs, rows, lambda row: parents[row] is None),
        "earliest": {"said": seqs[rows[0]]},
        "session": _first_said(columns["session_id"], rows),
        "user": _first_said(columns["user_id"], rows),
        **{name: _listed(columns[name], rows) for name in ("service_name", "agent", "tool")},
    }


def _of_calls(columns: Columns, rows: Sequence[int]) -> dict[str, Any]:
    calls = [row for row in rows if columns["counted"][row]]
    costs = _known(columns["cost_usd"], calls)
    tokens = {name: _known(columns[name], calls) for name in TOKENS}
    return {
        "llm_calls": len(calls),
        "failed_calls": _errors(columns, calls),
        "cost_usd": fsum(costs),
        "priced": len(costs),
        "model": _listed(columns["model"], calls),
        **{name: sum(values) if values else None for name, values in tokens.items()},
    }


def _errors(columns: Columns, rows: Sequence[int]) -> int:
    return sum(columns["status_code"][row] == _ERROR for row in rows)


def _known(column: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    return [column[row] for row in rows if column[row] is not None]


def _listed(column: Sequence[Any], rows: Sequence[int]) -> list[str]:
    return sorted(set(_known(column, rows)))[:MOST_LISTED]


def _first(column: Sequence[Any], rows: Sequence[int], fits: Callable[[int], bool]) -> dict[str, Any] | None:
    return next(({"said": column[row]} for row in rows if fits(row)), None)


def _first_said(column: Sequence[Any], rows: Sequence[int]) -> dict[str, Any] | None:
    return _first(column, rows, lambda row: column[row] is not None)

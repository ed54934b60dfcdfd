"""What all spans of some traces say together: the rules of ``traces.summaries``, in SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.embedded.reads.aggregates.few_sums import TOKENS, summed_here
from actors.span_store.embedded.reads.aggregates.snapshot import Snapshot, numbers
from actors.span_store.embedded.reads.aggregates.summaries_read import INDEX_COLUMNS_READ, index_rows
from actors.span_store.traces.summary import MOST_LISTED, SpanSummary, Tokens, TraceSummary

MOST_SUMMED_HERE = 4096  # spans
_MOST = 2**63
# The columns whose words are listed, and of which spans.
_LISTED = {"service_name": "TRUE", "model": "counted", "agent": "TRUE", "tool": "TRUE"}


def _least(name: str, where: str) -> str:
    return f"min(DISTINCT {name}, {MOST_LISTED:d}) FILTER ({where}) AS {name}"


def _earliest(what: str, where: str) -> str:
    return f"min(struct_pack(start := start_time_unix_nano, id := span_id, said := {what})) FILTER ({where})"


_SUMMED = f"""
    SELECT
        trace_id,
        count(*) AS span_count,
        count(*) FILTER (status_code = 2) AS error_count,
        min(start_time_unix_nano) AS start,
        max(end_time_unix_nano) AS "end",
        count(*) FILTER (counted) AS llm_calls,
        count(*) FILTER (counted AND status_code = 2) AS failed_calls,
        fsum(cost_usd) FILTER (counted) AS cost_usd,
        count(cost_usd) FILTER (counted) AS priced,
        {", ".join(f"sum({name}) FILTER (counted) AS {name}" for name in TOKENS)},
        {", ".join(_least(name, where) for name, where in _LISTED.items())},
        {_earliest("seq", "parent_span_id IS NULL")} AS root,
        {_earliest("seq", "TRUE")} AS earliest,
        {_earliest("session_id", "session_id IS NOT NULL")} AS session,
        {_earliest("user_id", "user_id IS NOT NULL")} AS "user"
"""


@attrs.frozen
class TraceSums:
    """One trace, but for its root, or its earliest span, which ``head`` is the number of."""

    row: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def trace_id(self) -> str:
        trace_id: str = self.row["trace_id"]
        return trace_id

    @property
    def head(self) -> int:
        first = self.row["root"] or self.row["earliest"]
        seq: int = first["said"]
        return seq

    def summary(self, head: SpanSummary) -> TraceSummary:
        """The whole summary. ``head`` is the span with that number."""
        row, root = self.row, head if self.row["root"] else None
        return TraceSummary(
            trace_id=self.trace_id,
            root=root,
            name=head.name,
            service=head.service,
            services=self._listed("service_name"),
            start_time_unix_nano=row["start"],
            end_time_unix_nano=row["end"] or None,
            span_count=row["span_count"],
            error_count=row["error_count"],
            status="error" if (root and root.status == "error") or row["failed_calls"] else "ok",
            complete=root is not None and root.end_time_unix_nano is not None,
            llm_calls=row["llm_calls"],
            models=self._listed("model"),
            tokens=_tokens([row[name] for name in TOKENS]),
            cost_usd=row["cost_usd"] if row["priced"] else None,
            unpriced=row["llm_calls"] - row["priced"],
            session_id=_first_known(root.session_id if root else None, row["session"]),
            user_id=_first_known(root.user_id if root else None, row["user"]),
            agents=self._listed("agent"),
            tools=self._listed("tool"),
            input_preview=root.input_preview if root else None,
            output_preview=root.output_preview if root else None,
        )

    def _listed(self, column: str) -> tuple[str, ...]:
        return tuple(self.row[column] or ())


@attrs.frozen
class Summed:
    """Sums by trace, of those that have a span, and in ``heads`` the row of the head of each: see ``index_rows``."""

    sums: Mapping[str, TraceSums]
    heads: pa.Table

    @classmethod
    def of_nothing(cls) -> "Summed":
        return cls({}, pa.table({}))

    def heads_of(self, sums: Sequence[TraceSums]) -> pa.Table:
        """The rows of the heads of these."""
        wanted = pa.array([each.head for each in sums], pa.uint64())
        return self.heads.filter(pc.is_in(self.heads["seq"], value_set=wanted))


def trace_sums(snapshot: Snapshot, traces: Sequence[str]) -> Summed:
    """Sum up the spans of these traces. Inside of a ``moment``.

    Few spans are summed up here: the statement that sums up any number takes longer to be planned than to be run.
    """
    few = snapshot.spans_of(traces, INDEX_COLUMNS_READ, MOST_SUMMED_HERE + 1)
    if few.num_rows <= MOST_SUMMED_HERE:
        sums = {row["trace_id"]: TraceSums(row) for row in summed_here(few)}
        heads = pa.array([each.head for each in sums.values()], pa.uint64())
        return Summed(sums, few.filter(pc.is_in(few["seq"], value_set=heads)))
    segments = snapshot.segments_of(traces)
    rows = snapshot.named(
        f"{_SUMMED} FROM {snapshot.spans} "
        f"WHERE segment IN ({numbers(segments)}) AND trace_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY trace_id",
        [list(traces)],
    )
    sums = {row["trace_id"]: TraceSums(row) for row in rows}
    return Summed(sums, index_rows(snapshot, [each.head for each in sums.values()], segments))


def _tokens(sums: Sequence[int | None]) -> Tokens | None:
    """``None`` also where no reader of JSON could hold a sum."""
    known = [None if value is None or value >= _MOST else int(value) for value in sums]
    if all(value is None for value in known):
        return None
    return Tokens(**dict(zip(("input", "output", "cache_read", "cache_write", "reasoning"), known, strict=True)))


def _first_known(of_root: str | None, earliest: Mapping[str, Any] | None) -> str | None:
    if of_root is not None:
        return of_root
    return None if earliest is None else earliest["said"]

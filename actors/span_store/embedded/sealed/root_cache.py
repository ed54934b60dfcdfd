"""The roots of the latest segments, in memory: lists of them are what pages ask for again and again.

A list through the index takes several statements of SQL, and while spans come in each of them waits its turn.
"""

from collections.abc import Iterable

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import positions
from actors.span_store.columns.promoted import is_model_call
from actors.span_store.columns.types import Texts, Untold
from actors.span_store.lru_cache import LruCache
from actors.span_store.query.expression import And, Expression, IsNull, Promoted, columns_of

_MOST_BYTES = 8 * 1024 * 1024  # 60 segments of LLM spans, whose roots are one span in ten; 9 where all are roots
_LARGE = 2 * 1024 * 1024
_COLUMNS = ["seq", "start_time_unix_nano", "trace_id", "service_name", "parent_span_id", "kind"]
_IS_ROOT = IsNull(Promoted("parent_span_id"))


@attrs.frozen
class SegmentRoots:
    """Of one segment."""

    rows: pa.Table  # of each root its place, and what lists of roots look at
    llm_traces: Texts  # all that have a model call here

    @property
    def nbytes(self) -> int:
        return int(self.rows.nbytes + self.llm_traces.nbytes)


class RootCache:
    """Of those segments that were sealed last. A segment never changes, and neither do its roots."""

    def __init__(self) -> None:
        self._kept: LruCache[int, SegmentRoots] = LruCache(_MOST_BYTES, _LARGE)

    def add(self, segment: int, rows: pa.Table) -> None:
        """``rows`` are those of the index, in the order of the file."""
        is_root: Untold = pc.is_null(rows["parent_span_id"])
        roots = rows.select(_COLUMNS).filter(is_root)
        places = positions(rows.num_rows).cast(pa.uint32()).filter(is_root.combine_chunks())
        number = pa.repeat(pa.scalar(segment, pa.uint32()), len(places))
        of_llm = is_model_call(rows["type"])
        llm_traces: Untold = rows["trace_id"].filter(of_llm).unique()
        kept = SegmentRoots(roots.append_column("segment", number).append_column("position", places), llm_traces)
        self._kept.keep(segment, kept)

    @staticmethod
    def can_answer(expression: Expression) -> bool:
        """Whether an expression, in normal form, is about roots only, and about what is kept of them."""
        members = expression.members if isinstance(expression, And) else (expression,)
        return _IS_ROOT in members and columns_of(expression) <= set(_COLUMNS)

    def find(self, segments: Iterable[int]) -> dict[int, SegmentRoots]:
        """What is kept of them."""
        return {number: roots for number in segments if (roots := self._kept.find(number)) is not None}

"""The DuckDB index of sealed spans: all SQL over its tables, but for what users ask of spans (``reads.span_table``).

Everybody else knows it by the names here; which module has a table's statements is the package's own business.
"""

from actors.span_store.embedded.sealed.index.checks import (
    counted_spans,
    read_everything,
    span_keys_in,
    spans_in,
    spans_stored_twice,
)
from actors.span_store.embedded.sealed.index.costs import (
    OutdatedCosts,
    expect_remap,
    outdated_costs,
    record_restated,
    restated_up_to,
)
from actors.span_store.embedded.sealed.index.deletions import (
    DeletionRow,
    record_deletion,
    recorded_deletions,
    strike_out,
)
from actors.span_store.embedded.sealed.index.opening import checkpoint, give_space_back, open_index
from actors.span_store.embedded.sealed.index.segments import (
    IndexedSegment,
    demand_all,
    indexed_segments,
    is_listed,
    mark_outdated,
    orphaned_segments,
    outdated_segments,
    segment_files,
    segment_numbers,
    segment_rows,
    segments_beyond,
    segments_older_than,
    what_goes,
)
from actors.span_store.embedded.sealed.index.service_names import (
    has_longer_names,
    name_lengths,
    names_of_length,
    shorter_names,
)
from actors.span_store.embedded.sealed.index.tables import (
    SealedUpTo,
    add,
    arrived_before,
    is_sealed,
    record_arrival,
    remove,
    seal,
    sealed_up_to,
    transaction,
)
from actors.span_store.embedded.sealed.index.traces import (
    TracePart,
    first_segment_with,
    in_segments_of,
    parts_of,
    span_keys_of,
    trace_ids,
    trace_numbers,
)
from actors.span_store.embedded.sealed.index.uncounted import has_uncounted, sealed_calls, spans_of_traces

__all__ = [
    "DeletionRow",
    "IndexedSegment",
    "OutdatedCosts",
    "SealedUpTo",
    "TracePart",
    "add",
    "arrived_before",
    "checkpoint",
    "counted_spans",
    "demand_all",
    "expect_remap",
    "first_segment_with",
    "give_space_back",
    "has_longer_names",
    "has_uncounted",
    "in_segments_of",
    "indexed_segments",
    "is_listed",
    "is_sealed",
    "mark_outdated",
    "name_lengths",
    "names_of_length",
    "open_index",
    "orphaned_segments",
    "outdated_costs",
    "outdated_segments",
    "parts_of",
    "read_everything",
    "record_arrival",
    "record_deletion",
    "record_restated",
    "recorded_deletions",
    "remove",
    "restated_up_to",
    "seal",
    "sealed_calls",
    "sealed_up_to",
    "segment_files",
    "segment_numbers",
    "segment_rows",
    "segments_beyond",
    "segments_older_than",
    "shorter_names",
    "span_keys_in",
    "span_keys_of",
    "spans_in",
    "spans_of_traces",
    "spans_stored_twice",
    "strike_out",
    "trace_ids",
    "trace_numbers",
    "transaction",
    "what_goes",
]

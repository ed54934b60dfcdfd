"""Costs of rows whose columns were derived anew."""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.types import AnyColumn, Untold
from actors.span_store.pricing.costs import COMPUTED, COST, SOURCE

_FALSE = pa.scalar(False, pa.bool_())
# What a cost depends on, beside the time and the price of it.
_OF_COSTS = (
    "type",
    "provider",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


def with_kept_costs(derived: pa.Table, before: pa.Table) -> pa.Table:
    """The derived rows with the computed costs that they had, where nothing has changed that a cost depends on.

    So a new version of the conventions, or of the price table, changes no cost of a call that it says nothing new of.
    """
    if not {COST, *_OF_COSTS} <= set(before.schema.names) or not derived.num_rows:
        return derived
    was_computed: Untold = pc.fill_null(pc.equal(before[SOURCE], COMPUTED), _FALSE)
    kept = pc.and_(was_computed, pc.is_null(derived[COST]))
    for name in _OF_COSTS:
        kept = pc.and_(kept, _is_same(derived[name], before[name]))
    for name in (COST, SOURCE):
        chosen = pc.if_else(kept, before[name], derived[name])
        derived = derived.set_column(derived.schema.get_field_index(name), derived.schema.field(name), chosen)
    return derived


def _is_same(one: AnyColumn, other: AnyColumn) -> AnyColumn:
    """Nulls are the same too."""
    equal: Untold = pc.fill_null(pc.equal(one, other), _FALSE)
    return pc.or_(equal, pc.and_(pc.is_null(one), pc.is_null(other)))

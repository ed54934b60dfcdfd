"""Which spans of model calls have content: what was asked or answered, in whatever convention."""

import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import KEYS
from actors.span_store.columns.content import has_content_event, is_content_key
from actors.span_store.columns.types import Untold

COLUMNS = ("span_id", KEYS, "events_json")


def with_content(spans: pa.Table) -> set[str]:
    """The ids of those that have any. ``spans`` have ``COLUMNS``."""
    ids: Untold = spans["span_id"].to_pylist()
    said: Untold = has_content_event(spans["events_json"]).to_pylist()
    rows = {row for row, has_event in enumerate(said) if has_event}
    first = 0
    for chunk in spans[KEYS].chunks:
        rows |= {first + row for row in _rows_with_content(chunk)}
        first += len(chunk)
    return {ids[row] for row in rows}


def _rows_with_content(lists: Untold) -> list[int]:
    keys: Untold = lists.flatten()
    different = keys.unique().to_pylist()
    wanted = pa.array([key for key in different if is_content_key(key)], pa.string())
    parents: Untold = pc.list_parent_indices(lists)
    rows = parents.filter(pc.is_in(keys, value_set=wanted)).unique()
    found: list[int] = rows.to_pylist()
    return found

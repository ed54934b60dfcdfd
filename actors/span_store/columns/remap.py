"""Rows of earlier versions: their promoted columns are derived anew from what is stored of the spans."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attribute_column import STORED, Pairs
from actors.span_store.columns.attributes import SpanAttributes, span_attributes
from actors.span_store.columns.content import content_of_calls
from actors.span_store.columns.promoted import error_types, named_after_spans, promoted_columns, reported_costs
from actors.span_store.columns.rows import RESOURCE_COLUMNS, ROWS, first_text, without_logs
from actors.span_store.columns.types import AnyArray, AnyColumn, AnyField, Texts, Untold


def in_present_form(rows: pa.Table) -> pa.Table:
    """The rows with all columns of ``ROWS``. Those of an earlier version are remapped."""
    return rows.select(ROWS.names) if set(ROWS.names) <= set(rows.schema.names) else remapped(rows)


def remapped(rows: pa.Table) -> pa.Table:
    """The rows with their promoted columns as the present conventions have them; the others stay as they are."""
    if not rows.num_rows:
        return ROWS.empty_table()
    attributes = _attributes(rows[STORED])
    derived = promoted_columns(attributes, rows.num_rows)
    derived |= named_after_spans(derived, rows["name"].combine_chunks())
    derived |= error_types(derived, _exceptions(rows["events_json"]))
    derived |= reported_costs(derived["cost"])
    derived["has_content"] = content_of_calls(attributes.keys, rows["events_json"].combine_chunks(), derived["type"])
    derived = without_logs(derived, rows["kind"].combine_chunks()) | _resource_columns(rows["resource_json"])
    derived["scope"] = _scopes(rows["scope_json"])
    columns = [derived[field.name] if field.name in derived else _stored(rows, field) for field in ROWS]
    return pa.Table.from_arrays(columns, schema=ROWS)


def _stored(rows: pa.Table, field: AnyField) -> AnyColumn | AnyArray:
    if field.name not in rows.schema.names:
        return pa.nulls(rows.num_rows, field.type)
    return rows[field.name].cast(field.type)


def _attributes(column: AnyColumn) -> SpanAttributes:
    """The attributes in arrays of their own, as ``span_attributes`` wants them."""
    pairs = Pairs(column.chunk(0) if column.num_chunks == 1 else column.combine_chunks())
    return span_attributes(*map(_copied, (pairs.offsets, pairs.keys, pairs.texts, pairs.others)))


def _exceptions(texts: AnyColumn) -> dict[int, str]:
    """The type of the last exception of each row that has one."""
    have_one: AnyColumn = pc.match_substring(texts, pattern='"exception.type"')
    with_one: Untold = pc.indices_nonzero(have_one)
    events = ((row, event) for row in with_one.to_pylist() for event in orjson.loads(texts[row].as_py()))
    types = ((row, event["attributes"].get("exception.type")) for row, event in events if event["name"] == "exception")
    return {row: kind for row, kind in types if isinstance(kind, str)}


def _copied(array: AnyArray) -> AnyArray:
    """The same values, not a slice of another array."""
    return (
        pa.concat_arrays([array, array.slice(0, 0)]) if array.offset == 0 else pa.array(array.to_pylist(), array.type)
    )


def _resource_columns(texts: AnyColumn) -> dict[str, AnyArray]:
    encoded = texts.combine_chunks().dictionary_encode()
    resources = [orjson.loads(text) for text in encoded.dictionary.to_pylist()]
    return {name: _of_resources(resources, keys).take(encoded.indices) for name, keys in RESOURCE_COLUMNS.items()}


def _scopes(texts: AnyColumn) -> Texts:
    encoded = texts.combine_chunks().dictionary_encode()
    names = [orjson.loads(text).get("name") for text in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def _of_resources(resources: Iterable[Mapping[str, Any]], keys: tuple[str, ...]) -> Texts:
    attributes = (resource.get("attributes", {}) for resource in resources)
    return pa.array([first_text(each, keys) for each in attributes], pa.string())

"""Values of fields, counted in the plainest way: one span after the other."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from actors.span_store.asked.values import LONGEST_VALUE, ListValues, ValueCount, Values
from actors.span_store.query.arguments import Path
from actors.span_store.query.language.fields import BY_NAME


def values_of(rows: pa.Table, request: ListValues) -> Values:
    """Of all these rows."""
    counts: Counter[tuple[str, Any]] = Counter()
    for row in rows.to_pylist():
        counts.update(
            {
                (type(value).__name__, value)
                for value in said(row, request.field)
                if isinstance(value, str | bool | int | float) and len(str(value)) <= LONGEST_VALUE
            }
        )
    found = [(value, count) for (_, value), count in counts.items() if _spelled(value).startswith(request.prefix)]
    found.sort(key=lambda each: (-each[1], _spelled(each[0]), type(each[0]).__name__))
    return Values(tuple(ValueCount(*each) for each in found[: request.limit]), len(found) > request.limit)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def said(row: Mapping[str, Any], name: str) -> Iterator[Any]:
    field = BY_NAME.get(name)
    if field is not None:
        value = row[field.column.name]
        yield value if field.codes is None else {code: word for word, code in field.codes.items()}[value]
        return
    prefix, _, key = name.partition(".")
    for attributes in _attributes(row, prefix):
        yield from [attributes.get(key)] if key else attributes
    if prefix == "attr" and key and row["type"] == "tool":
        for value in (each for attributes in _attributes(row, "attr") for each in attributes.values()):
            yield from Path(key).values_in(value) if isinstance(value, str) else ()
    if name == "event.name":
        yield from (event["name"] for event in json.loads(row["events_json"]))


def _attributes(row: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    if prefix == "attr":
        pairs = row["attributes"]
        return [{key: value["text"] if value["json"] is None else json.loads(value["json"]) for key, value in pairs}]
    if prefix == "resource":
        return [json.loads(row["resource_json"])["attributes"]]
    return [event["attributes"] for event in json.loads(row["events_json"])]

"""How the attributes of many spans are held: one Arrow column, without an object for what nobody looks at.

Each span has a map from key to value. A value is a string (``text``, as it came) or anything else (``json``, compact):
that is what most attributes are, and Parquet and DuckDB read it as it is. Keys of a span are unique.
"""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import orjson
import pyarrow as pa

from actors.span_store.columns.key_shapes import KeyShapes
from actors.span_store.columns.types import Int32s, Texts, Untold

VALUE = pa.struct([pa.field("text", pa.string()), pa.field("json", pa.string())])
ATTRIBUTES = pa.map_(pa.string(), VALUE)
_VALUE_FIELDS = list(VALUE)


@attrs.frozen
class SpanAttributes:
    """The column, and what is looked up in it when it is made."""

    column: Untold
    texts: Texts  # of all pairs
    others: Texts
    keys: KeyShapes


def span_attributes(offsets: Int32s, keys: Texts, texts: Texts, others: Texts) -> SpanAttributes:
    """Made from where the pairs of each span begin, and the pairs. No array is a slice of another."""
    values = pa.StructArray.from_arrays([texts, others], fields=_VALUE_FIELDS)
    column = pa.MapArray.from_arrays(offsets, keys, values)  # type: ignore[call-overload] # takes offsets of 32 bits
    return SpanAttributes(column, texts, others, KeyShapes(offsets, keys))


def plain_json(value: object) -> tuple[bytes, bool]:
    """Compact JSON text, and whether it says all that ``value`` does. Bytes become hex text, NaN becomes null."""
    try:
        text = json_text(value)
    except TypeError:  # bytes, most likely
        return json_text(value, _hex_text), False
    # A null is an unset value, a NaN or an infinity; or these four letters in some text, which is worth a second look.
    return text, b"null" not in text or is_plain(value)


def json_text(value: object, default: Callable[[Any], Any] | None = None) -> bytes:
    """Compact JSON that takes no more memory than its length: orjson leaves 4 KB behind each text that is kept."""
    return bytes(memoryview(orjson.dumps(value, default)))


def _hex_text(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is no attribute value")
    return value.hex()


def is_plain(value: Any) -> bool:  # noqa: ANN401 - any JSON-like value
    """Whether JSON can say this value exactly."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(is_plain(item) for item in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return all(is_plain(item) for item in value)
    return value is not None and not isinstance(value, bytes)


def key_values(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes in OTLP/JSON, which says exactly what each value is."""
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - an attribute's value; one return for each member of AnyValue
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _non_finite(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping():
            return {"kvlistValue": {"values": key_values(value)}}
        case _:
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}


def _non_finite(value: float) -> str:
    """How the protobuf JSON mapping writes these."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"

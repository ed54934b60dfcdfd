"""Masking of a tree of attributes and values, as they stand in spans, events, links, resources and log records."""

from collections.abc import Mapping, Sequence

from actors.span_store.columns.spans import Attributes, AttributeValue
from actors.span_store.masking.json_text import Visitor, masked_text


def masked_attributes(attributes: Attributes, visitor: Visitor) -> dict[str, AttributeValue]:
    """Attributes, or a map inside of one, with their values masked, and what is masked in their keys."""
    made: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        mask = visitor.key(name)
        made[visitor.leaf(name)] = masked_value(value, visitor) if mask is None else mask
    return made


def masked_value(value: AttributeValue, visitor: Visitor) -> AttributeValue:
    """A value of any kind. A masked number is a text."""
    if isinstance(value, str):
        return masked_text(value, visitor)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return _masked_bytes(value, visitor)
    if isinstance(value, Mapping):
        return masked_attributes(value, visitor)
    if isinstance(value, Sequence):
        return [masked_value(item, visitor) for item in value]
    written = repr(value)
    new = visitor.leaf(written)
    return value if new == written else new


def _masked_bytes(value: bytes, visitor: Visitor) -> bytes:
    """Bytes that are text in UTF-8, else each byte as a character."""
    for encoding in ("utf-8", "latin-1"):
        try:
            return masked_text(value.decode(encoding), visitor).encode(encoding, "replace")
        except UnicodeDecodeError:
            continue
    return value

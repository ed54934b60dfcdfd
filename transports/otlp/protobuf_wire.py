"""Protobuf's wire format, read field by field: a varint tag, and the content of its wire type.

It is slow, as it is Python: for bodies that a parser refused, or that might take too much memory in one.
"""

from collections.abc import Iterator

from google.protobuf.message import DecodeError

VARINT = 0
LENGTH_DELIMITED = 2
_FIXED_SIZES = {1: 8, 5: 4}
_ONE_BYTE = 0x80  # varints below have one


def field_at(data: bytes | memoryview, position: int, end: int) -> tuple[int, int, int, int]:
    """Read the field at a position: its number, its wire type, where its content begins and where it ends.

    ``DecodeError`` when there is none before ``end``.
    """
    tag, position = _varint(data, position, end)
    number, wire_type = tag >> 3, tag & 7
    if wire_type == LENGTH_DELIMITED:
        size, position = _varint(data, position, end)
        after = position + size
    elif wire_type == VARINT:
        _, after = _varint(data, position, end)
    elif wire_type in _FIXED_SIZES:
        after = position + _FIXED_SIZES[wire_type]
    else:
        raise DecodeError("unknown wire type")
    if not number or after > end:
        raise DecodeError("truncated" if number else "a field without number")
    return number, wire_type, position, after


def fields(data: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Iterate over fields: number, content, and all bytes with the tag."""
    position = 0
    while position < len(data):
        number, _, begin, after = field_at(data, position, len(data))
        yield number, data[begin:after], data[position:after]
        position = after


def _varint(data: bytes | memoryview, position: int, end: int) -> tuple[int, int]:
    """Read the number at a position; returns it with the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= end:
            raise DecodeError("truncated")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < _ONE_BYTE:
            return value, position
    raise DecodeError("a varint is too long")

"""Lenient parsing of the JSON documents of other programs, over HTTP and from files."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from actors.errors import InvalidRequest

JsonObject: TypeAlias = Mapping[str, Any]
MOST_DIGITS = 20  # of a 64-bit integer with its sign


def parse_object(text: bytes) -> JsonObject:
    """Parse the JSON text of an object. ``InvalidRequest`` when it is none.

    Lone surrogates, which some JavaScript senders make, become question marks. Numbers beyond 64 bits are floats,
    however long they are.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = _parse_leniently(text)
    if not isinstance(document, dict):
        raise InvalidRequest("The JSON is not an object")
    return document


def _parse_leniently(text: bytes) -> object:
    """Parse with Python's parser, which takes lone surrogates, numbers of any size, a byte order mark and UTF-16."""
    try:
        return json.loads(_well_formed(text))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The JSON is not valid") from error


def _well_formed(text: bytes) -> bytes:
    """Rewrite the document as valid UTF-8.

    Its objects, which take several times as much memory as the text, are freed when this returns.
    """
    document = json.loads(text, parse_constant=_no_constant, parse_int=_integer)
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    """Parse an integer; a long one as a float, because Python refuses thousands of digits, which take long."""
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)

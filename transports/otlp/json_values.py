"""OTLP's values, resources and scopes in JSON: the protobuf JSON mapping with OTLP's differences.

Ids are hex in either case, enums are integers, keys are lowerCamelCase, unknown fields are ignored, and 64-bit integers
come as strings or numbers (OTLP 1.11, "JSON Protobuf Encoding"). A member that is ``null`` is as good as absent.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, TypeVar

from actors.errors import InvalidRequest
from actors.span_store.columns.spans import AttributeValue, InstrumentationScope, Resource
from transports.json_document import MOST_DIGITS, JsonObject

MAX_DEPTH = 48  # of values in values; the protobuf encoding reaches about as deep before its parser refuses
MAX_UINT32 = 2**32 - 1
MAX_UINT64 = 2**64 - 1

T = TypeVar("T")
_MIN_INT64 = -(2**63)
_NO_DOUBLE = re.compile(r"[\s_]")  # Python takes them in a number


class Malformed(Exception):
    """An item that the mapping does not allow; the text says why, without the sender's data."""


def frames(holder: JsonObject, key: str) -> list[JsonObject]:
    """Resources or scopes. One that is no object fails the request: nobody knows how many items it has."""
    found = frame(holder, key)
    if not _are_objects(found):
        raise InvalidRequest(f"{key} must be an array of objects")
    return found


def frame(holder: JsonObject, key: str) -> list[Any]:
    """Items of a frame, which may be anything. ``InvalidRequest`` when they are no array."""
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidRequest(f"{key} must be an array of objects")
    return found


def read_shared(read: Callable[[JsonObject], T], holder: JsonObject) -> T | Malformed:
    """Read a resource or scope; returns its fault where it is malformed."""
    try:
        return read(holder)
    except Malformed as fault:
        return fault


def as_object(item: Any, what: str) -> JsonObject:  # noqa: ANN401 - any JSON value
    """The item, if it is an object. All that is malformed is raised as ``Malformed``, here and below."""
    if not isinstance(item, dict):
        raise Malformed(f"{what} must be an object")
    return item


def good(value: T | Malformed) -> T:
    """What ``read_shared`` has read, or its fault again."""
    if isinstance(value, Malformed):
        raise Malformed(*value.args)
    return value


def resource_of(holder: JsonObject) -> Resource:
    """The resource of a frame that has one, and its schema URL."""
    resource = object_in(holder, "resource")
    return Resource(
        attributes_of(resource),
        dropped(resource, "Attributes"),
        text_in(holder, "schemaUrl"),
        [_entity(reference) for reference in objects_in(resource, "entityRefs")],
    )


def _entity(reference: JsonObject) -> dict[str, AttributeValue]:
    """An entity reference with only the members that the specification names: others may hold anything."""
    return {member: read(reference, member) for member, read in _OF_ENTITIES.items() if member in reference}


def scope_of(holder: JsonObject) -> InstrumentationScope:
    """The scope of a frame that has one, and its schema URL."""
    scope = object_in(holder, "scope")
    return InstrumentationScope(
        text_in(scope, "name"),
        text_in(scope, "version"),
        attributes_of(scope),
        dropped(scope, "Attributes"),
        text_in(holder, "schemaUrl"),
    )


def attributes_of(holder: JsonObject) -> dict[str, AttributeValue]:
    """Key-value pairs as a dictionary.

    An attribute without a value is left out; of two with one key the last counts.
    """
    return _key_values(objects_in(holder, "attributes"), depth=0, keep_unset=False)


def _key_values(pairs: list[JsonObject], *, depth: int, keep_unset: bool) -> dict[str, AttributeValue]:
    values: dict[str, AttributeValue] = {}
    for pair in pairs:
        value = any_value(object_in(pair, "value"), depth)
        if value is not None or keep_unset:
            values[text_in(pair, "key")] = value
    return values


def any_value(value: JsonObject, depth: int) -> AttributeValue:
    """The member of an AnyValue that is set; ``None`` when none is."""
    if depth > MAX_DEPTH:
        raise Malformed(f"a value is nested more than {MAX_DEPTH} deep")
    for member, content in value.items():
        if content is not None and member in _MEMBERS:
            return _MEMBERS[member](value, depth)
    return None


def object_in(holder: JsonObject, key: str) -> JsonObject:
    """A member that is an object; an empty one where it is absent."""
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Malformed(f"{key} must be an object")
    return found


def objects_in(holder: JsonObject, key: str) -> list[JsonObject]:
    """A member that is an array of objects; an empty one where it is absent."""
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not _are_objects(found):
        raise Malformed(f"{key} must be an array of objects")
    return found


def _are_objects(items: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)


def _texts(holder: JsonObject, key: str) -> list[str]:
    found = holder.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Malformed(f"{key} must be an array of strings")
    return found


def text_in(holder: JsonObject, key: str) -> str:
    """A member that is a string; "" where it is absent."""
    found = holder.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Malformed(f"{key} must be a string")
    return found


def id_in(holder: JsonObject, key: str) -> bytes:
    """A member that is an id in hex; empty where it is absent."""
    text = text_in(holder, key)
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(f"{key} must be hexadecimal") from error
    if 2 * len(found) != len(text):  # Python passes over blanks
        raise Malformed(f"{key} must be hexadecimal")
    return found


def dropped(holder: JsonObject, what: str) -> int:
    """How many of something the sender left out."""
    return integer_in(holder, f"dropped{what}Count", 0, MAX_UINT32)


def integer_in(holder: JsonObject, key: str, least: int, most: int) -> int:
    """A member that is an integer between these; 0 where it is absent."""
    found = holder.get(key)
    if found is None:
        return 0
    number = _whole(found)
    if number is None or not least <= number <= most:
        raise Malformed(f"{key} must be an integer from {least} to {most}")
    return number


def _whole(found: object) -> int | None:
    """Read an integer in any form that JSON has for one; ``None`` where it is none, or does not fit into 64 bits."""
    if isinstance(found, bool):
        return None
    if isinstance(found, str):
        digits = found.removeprefix("-")
        return int(found) if len(found) <= MOST_DIGITS and digits.isascii() and digits.isdigit() else None
    if isinstance(found, float):
        # The least of all may be one below it, rounded.
        return int(found) if _MIN_INT64 < found <= MAX_UINT64 and found.is_integer() else None
    return found if isinstance(found, int) else None


def _bool(content: object) -> bool:
    if not isinstance(content, bool):
        raise Malformed("boolValue must be true or false")
    return content


def _double(content: object) -> float:
    """Read a number, or one of the protobuf JSON mapping's texts for what JSON numbers cannot express."""
    if isinstance(content, str) and content.isascii() and not _NO_DOUBLE.search(content):
        try:
            return float(content)
        except ValueError as error:
            raise Malformed("doubleValue must be a number") from error
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise Malformed("doubleValue must be a number")
    return float(content)


def _bytes(content: object) -> bytes:
    """Decode base64, standard or URL-safe, padded or not."""
    if not isinstance(content, str):
        raise Malformed("bytesValue must be base64")
    text = content.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("bytesValue must be base64") from error


def _array(value: JsonObject, depth: int) -> list[AttributeValue]:
    return [any_value(item, depth + 1) for item in objects_in(object_in(value, "arrayValue"), "values")]


def _map(value: JsonObject, depth: int) -> dict[str, AttributeValue]:
    return _key_values(objects_in(object_in(value, "kvlistValue"), "values"), depth=depth + 1, keep_unset=True)


_OF_ENTITIES: dict[str, Callable[[JsonObject, str], AttributeValue]] = {
    "schemaUrl": text_in,
    "type": text_in,
    "idKeys": _texts,
    "descriptionKeys": _texts,
}
_MEMBERS: dict[str, Callable[[JsonObject, int], AttributeValue]] = {
    "stringValue": lambda value, _: text_in(value, "stringValue"),
    "boolValue": lambda value, _: _bool(value["boolValue"]),
    "intValue": lambda value, _: integer_in(value, "intValue", _MIN_INT64, 2**63 - 1),
    "doubleValue": lambda value, _: _double(value["doubleValue"]),
    "bytesValue": lambda value, _: _bytes(value["bytesValue"]),
    "arrayValue": _array,
    "kvlistValue": _map,
}

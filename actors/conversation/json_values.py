"""JSON values of any shape and depth, as attributes carry them: structured, as JSON text, or in Python's notation."""

import ast
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

DEEPEST = 100  # levels of a value in the form; what writes JSON has limits beyond that
_LONGEST_INDEX = 9  # digits
_SHOWN_MEMBER = 40  # characters
_SHOWN_TEXT = re.compile(r"""(?<= )text=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") ?""", re.DOTALL)
_SHOWN_REST = re.compile(r"(?:\w+=None )+")
_BYTES = ("eyJ", "W3")  # the beginnings of an object and of an array in base64
_LONGEST_LITERAL = 65_536  # characters; Python's parser takes long for more


def as_json(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON text; anything else, and text that is no JSON, is returned as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def as_literal(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Parse text of JSON, of its bytes in base64, or of a Python literal; anything else is returned as it is.

    LangSmith before 0.5 sends JSON as bytes, which are base64 in the JSON of a span.
    """
    made = as_json(value)
    if made is not value or not isinstance(value, str):
        return made
    if value.startswith(_BYTES):
        with suppress(ValueError):
            return orjson.loads(b64decode(value, validate=True))
    if value.startswith(("[", "{")) and len(value) <= _LONGEST_LITERAL:
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return orjson.loads(orjson.dumps(ast.literal_eval(value), default=str, option=orjson.OPT_NON_STR_KEYS))
    return value


def as_part_of_google(value: object) -> object:
    """The text of a part of Google's SDK that was written as Python shows it; any other value as it is.

    OpenLLMetry writes ``media_resolution=None … text='What is this?' thought=None …`` for a part with a text.
    """
    if not isinstance(value, str) or "=None " not in value[:_SHOWN_MEMBER] or len(value) > _LONGEST_LITERAL:
        return value
    found = _SHOWN_TEXT.search(value)
    rest = _SHOWN_TEXT.sub("", value, 1).rstrip() + " "
    made = as_literal(f"[{found[1]}]") if found and _SHOWN_REST.fullmatch(rest) else None
    return made[0] if isinstance(made, list) else value


def as_said(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Parse text that is a JSON array, object or string; a number or a word in a text stays text."""
    is_one = isinstance(value, str) and value.lstrip().startswith(("[", "{", '"', *_BYTES))
    return plain(as_literal(value) if is_one else value)


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """A value as it is, or its JSON text if it is nested too deep."""
    return value if is_within(value, DEEPEST) else text(value)


def text(value: object) -> str:
    """A text as it is, ``None`` as "", anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:  # by the standard library, which goes deeper than orjson
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (RecursionError, TypeError, ValueError):
        return ""


def some_text(value: object) -> str | None:
    """A text that says something, or none."""
    return value if isinstance(value, str) and value else None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of an array, which may be JSON text; none if the value is something else."""
    made = as_json(value)
    return [item for item in made if isinstance(item, dict)] if isinstance(made, list) else []


def object_in(value: object) -> Mapping[str, Any]:
    """An object, which may be JSON text; an empty one if the value is something else."""
    made = as_json(value)
    return made if isinstance(made, Mapping) else {}


def first(holder: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - any JSON value
    """The first of these members that has a value."""
    return next((holder[name] for name in names if holder.get(name) is not None), None)


def unflattened(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Group attributes ``prefix.0.a.b`` into a list of flat objects ``{"a.b": ...}``, by index."""
    items: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            index, _, member = name[len(prefix) :].partition(".")
            if index.isdecimal() and len(index) <= _LONGEST_INDEX:
                items.setdefault(int(index), {})[member] = value
    return [items[index] for index in sorted(items)]


def is_within(value: object, levels: int) -> bool:
    """Whether a JSON value is nested at most ``levels`` deep."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return levels > 0 and all(is_within(item, levels - 1) for item in inner)

"""Access to a provider's JSON, of which any member may be missing, null or of another type.

A value of another type than expected reads as nothing. Only ``parsed`` raises, for text that is no JSON.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_LONGEST_INTEGER = 4000  # digits; Python refuses to write more than 4300
_LONGEST_WORD = 1000  # characters; to look up the price of a name of megabytes takes seconds
_DEEPEST = 16  # of content in content
_TEXT_MEMBERS = ("text", "content", "value", "thinking", "refusal", "reasoning")


def parsed(data: bytes | str) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON, with numbers that Python cannot hold, or JSON not write, as text. ``ValueError`` when it is none."""
    # The standard library, because orjson refuses half a surrogate pair, where providers sometimes cut text.
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    try:
        return _DECODER.decode(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def member(value: object, *names: str) -> Any:  # noqa: ANN401 - any JSON
    """The value under these names, one in the other; ``None`` when one of them is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def an_object(value: object, *names: str) -> Json:
    """The object under these names; an empty one when there is none."""
    found = member(value, *names)
    return found if isinstance(found, Mapping) else {}


def objects(value: object) -> list[Json]:
    """The objects of a list; one that is not in a list is taken for a list of one."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, Mapping)]
    return [value] if isinstance(value, Mapping) else []


def word(value: object) -> str:
    """An id, a name or the like, which may also be a number."""
    if isinstance(value, str):
        return value[:_LONGEST_WORD]
    return "" if isinstance(value, bool) or not isinstance(value, int | float) else str(value)


def truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def text_in(content: object, depth: int = 0) -> str:
    """A text as it is, or the texts of parts, joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and depth < _DEEPEST:
        return "".join(text_in(part, depth + 1) for part in content)
    if isinstance(content, Mapping) and depth < _DEEPEST:
        return next((text for name in _TEXT_MEMBERS if (text := text_in(content.get(name), depth + 1))), "")
    return word(content)


def arguments(value: object) -> str:
    """The arguments of a tool call, as JSON text; a provider may send them as the object that they are."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return ""


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=str)

"""What a text says: JSON text means the texts in it, and not how JSON spells them.

Programs put prompts into attributes as JSON text, where a letter like `ü` may be six characters that begin with a
backslash, and JSON text into JSON text, where they are seven. Such escapes are undone in place, at every depth, and
nothing else changes, so that members and brackets can be found too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

_BEGINS_AS_JSON = re.compile(r'[\s\ufeff]*([\[{"])')
# A string of JSON text, which a limit on the length of attributes may have cut.
_STRING = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([^u]))", re.DOTALL)
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def says(text: str, sought: str) -> bool:
    """Whether the text says what is sought. Many texts have no backslash, and so nothing to undo."""
    if "\\" not in text or not _BEGINS_AS_JSON.match(text):
        return sought in text
    return any(sought in meaning for meaning in meanings(text))


def json_says(text: str, sought: str) -> bool:
    """The same of JSON that the store has written itself: its brackets and commas were said by nobody."""
    return any(says(value, sought) for value in _values(orjson.loads(text)))


def events_say(text: str, sought: str) -> bool:
    """The same of events, whose members have names of the store's own."""
    events = orjson.loads(text)
    values = (value for event in events for value in _values([event.get("name", ""), event.get("attributes", {})]))
    return any(says(value, sought) for value in values)


def meanings(text: str) -> list[str]:
    """All that a text may mean. More than one when it looks like JSON and is none, or is a text in quotes."""
    begins = _BEGINS_AS_JSON.match(text)
    if begins is None:
        return [text]
    is_json = _is_json(text)
    others: list[str] = []
    undone = _STRING.sub(lambda string: _undone(string, others), text)
    if is_json and begins[1] != '"':
        return [undone, *others]
    if is_json and _holds_json(text):
        return [f'"{meaning}"' for meaning in meanings(orjson.loads(text))]
    return [text, undone, *others]


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return False
    return True


def _holds_json(text: str) -> bool:
    """Whether a string of JSON is JSON text itself, once or many times over, and not just a text in quotes."""
    inner = orjson.loads(text)
    begins = _BEGINS_AS_JSON.match(inner)
    return begins is not None and _is_json(inner) and (begins[1] != '"' or _holds_json(inner))


def _undone(string: re.Match[str], others: list[str]) -> str:
    """One string of a JSON text without escapes. What it may mean besides goes to ``others``."""
    content, end = string[1], string[2]
    if "\\" not in content:
        return string[0]
    decoded = _decoded(content)
    first, *more = meanings(decoded) if "\\" in decoded else [decoded]
    others += more
    return f'"{first}{end}'


def _decoded(content: str) -> str:
    try:
        decoded: str = orjson.loads(f'"{content}"')
    except (orjson.JSONDecodeError, UnicodeEncodeError):  # cut, or with halves of characters
        return _joined_halves(_ESCAPE.sub(_character, content))
    return decoded


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _SHORT.get(escape[2], escape[2])


def _joined_halves(text: str) -> str:
    """Two surrogates as the character that they are."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _values(value: Any) -> Iterator[str]:  # noqa: ANN401 - an attribute's value
    """All texts of a value, keys too, and its numbers as JSON writes them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from _values(member)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    else:
        yield orjson.dumps(value).decode()

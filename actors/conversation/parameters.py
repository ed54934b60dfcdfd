"""Request parameters under one word each, whatever their sender calls them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from actors.conversation.json_values import as_json, plain

Parameters = dict[str, Any]

RESPONSE_FORMAT = "response_format"
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("max_output_tokens", "max_completion_tokens", "max_new_tokens"), "max_tokens"),
    **dict.fromkeys(("stop_sequences", "stop_words"), "stop"),
    **dict.fromkeys(("reasoning.level", "reasoning.effort", "effort"), "reasoning_effort"),
    **dict.fromkeys(("choice.count", "candidate_count", "candidates", "choices"), "n"),
    "random_seed": "seed",
}
_COUNTS = frozenset(("max_tokens", "top_k", "n", "seed"))
_NUMBERS = _COUNTS | {"temperature", "top_p", "frequency_penalty", "presence_penalty"}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")


def word_of(name: str) -> str:
    """The one word for a parameter: ``max_tokens`` for ``maxOutputTokens``; unknown names in snake_case."""
    snake = _CAPITAL.sub(r"_\1", name).lower()
    return _WORDS.get(snake, snake)


def add(parameters: Parameters, name: str, value: object) -> None:
    """Add a parameter by the name of its sender, if it has a value and was not found before."""
    word = word_of(name)
    if word == RESPONSE_FORMAT:
        add_format(parameters, as_json(value))
    elif value is not None:
        parameters.setdefault(word, _number(value, whole=word in _COUNTS) if word in _NUMBERS else plain(value))


def add_all(parameters: Parameters, more: Mapping[str, Any]) -> None:
    """Add parameters in the form; of two forms of an answer the one with a schema stays."""
    for name, value in more.items():
        if name == RESPONSE_FORMAT and "schema" not in parameters.get(name, {}) and "schema" in value:
            parameters[name] = value
        parameters.setdefault(name, value)


def add_schema(parameters: Parameters, schema: object) -> None:
    """Add the JSON schema of the answer."""
    made = as_json(schema)
    if isinstance(made, Mapping):
        parameters[RESPONSE_FORMAT] = {"type": "json_schema", "schema": plain(made)}


def add_json(parameters: Parameters) -> None:
    """Add that the answer is JSON, of any schema."""
    parameters.setdefault(RESPONSE_FORMAT, {"type": "json_object"})


def add_format(parameters: Parameters, form: object) -> None:
    """Add OpenAI's ``response_format``, or the ``text.format`` of its Responses, or the type of one alone."""
    if isinstance(form, str) and form.startswith("json"):
        add_json(parameters)
    if not isinstance(form, Mapping):
        return
    inner = form.get("json_schema")
    held = inner if isinstance(inner, Mapping) else form
    if isinstance(held.get("schema"), Mapping):
        add_schema(parameters, held["schema"])
    elif form.get("type") == "json_object":
        add_json(parameters)


def _number(value: object, *, whole: bool) -> object:
    """A number that was written as text, and a count that was written as a float; any other value as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    return int(value) if whole and isinstance(value, float) and value.is_integer() else plain(value)

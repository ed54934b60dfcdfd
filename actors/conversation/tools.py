"""The tools on offer, in the usual forms: flat, wrapped as OpenAI's function, or as Google's declarations."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors.conversation.form import Tool
from actors.conversation.json_values import DEEPEST, as_json, first, is_within, plain, some_text

_SCHEMAS: Final = (
    *("parameters", "inputSchema", "input_schema", "jsonSchema", "parameters_json_schema", "parametersJsonSchema"),
    "args_schema",
)
_FUNCTIONS = (None, "function", "custom")  # types of tools that the caller runs; others are the provider's
_NAMED = {"name", "type", "function"}
_DECLARATIONS = ("function_declarations", "functionDeclarations")


def tools_in(definitions: object) -> tuple[Tool, ...]:
    """The tools of a list, or JSON text of one. What has no name is left out."""
    made = as_json(definitions)
    return tuple(tool for definition in (made if isinstance(made, list) else []) for tool in tools_of(definition))


def tools_of(definition: object) -> Iterator[Tool]:
    """The tools of one definition: usually one; Google has several functions in a tool, and its own beside them."""
    made = as_json(definition)
    if isinstance(made, str):
        yield from [Tool(made)] if made.isidentifier() else []
    elif isinstance(made, Mapping):
        declared = first(made, *_DECLARATIONS)
        if isinstance(declared, list):
            yield from (tool for function in declared for tool in tools_of(function))
            yield from (Tool(name) for name in made if name not in _DECLARATIONS and made[name] is not None)
        elif not made.keys() & _NAMED:  # Google's own, each a member
            yield from (Tool(name) for name in made if made[name] is not None)
        else:
            yield from _tool(made)


def json_schema(schema: object) -> object:
    """A schema with types as JSON schema writes them: Google's are in capitals. One too deep stays as it is."""
    return _lowered(schema) if is_within(schema, DEEPEST) else schema


def _tool(made: Mapping[str, Any]) -> Iterator[Tool]:
    function = made.get("function", made)
    held = function if isinstance(function, Mapping) else made
    kind = made.get("type")
    name = some_text(held.get("name"))
    if name is not None and kind in _FUNCTIONS:
        yield Tool(name, some_text(held.get("description")), _schema(held))
    elif (called := name or some_text(kind)) is not None:
        yield Tool(called, some_text(held.get("description")), _told_schema(held))


def _schema(function: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema; one of no parameters where none stands, and none where it was left out of the record."""
    left_out = any(name in function for name in _SCHEMAS)
    found = _told_schema(function)
    return {} if found is None and not left_out else found


def _told_schema(function: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for name in _SCHEMAS:
        value = as_json(function.get(name))
        if isinstance(value, Mapping):
            inner = value.get("jsonSchema") if name in ("inputSchema", "parameters") else None  # Vercel's wrapper
            made = plain(json_schema(inner if isinstance(inner, Mapping) else value))
            return made if isinstance(made, Mapping) else None  # nested too deep
    return None


def _lowered(schema: object) -> object:
    if isinstance(schema, list):
        return [_lowered(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lowered(value)
        for name, value in schema.items()
    }

"""A draft of a prompt: parts found in a span, and what is lost."""

import json
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from actors.playground.prompt import ChatMessage, JsonObject, Tool, ToolCall

_DEEPEST = 100  # levels of a schema; what reads and writes JSON has limits beyond that
_LONGEST_INDEX = 9  # digits
_SCHEMAS = ("parameters", "inputSchema", "input_schema", "jsonSchema", "parameters_json_schema")  # of a tool


@attrs.define(kw_only=True)
class Draft:
    """The parts found so far. The first value of a part wins; ``lost`` is for people."""

    provider: object = None  # as stored; read as text at the end
    model: object = None
    messages: list[ChatMessage] = attrs.field(factory=list)
    parameters: dict[str, Any] = attrs.field(factory=dict)  # by their names in the REST contract
    tools: list[Tool] = attrs.field(factory=list)
    json_mode: bool = False
    json_schema: JsonObject | None = None
    lost: list[str] = attrs.field(factory=list)

    def parameter(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever was stored; checked at the end
        """Add a parameter, if it has a value and was not found before."""
        if value is not None:
            self.parameters.setdefault(name, value)

    def tool(self, definition: object) -> None:
        """Add a tool in one of the usual forms: flat, or wrapped as OpenAI's function."""
        made = as_json(definition)
        function = made.get("function", made) if isinstance(made, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            self.lost.append("a tool that cannot be read")
            return
        parameters = _first_object(function, *_SCHEMAS)
        if is_within(parameters, _DEEPEST):
            self.tools.append(Tool(name=name, description=text(function.get("description")), parameters=parameters))
        else:
            self.lost.append("a tool whose parameters are nested too deep")

    def schema(self, schema: object) -> None:
        """Add the JSON schema of the answer."""
        made = as_json(schema)
        if not isinstance(made, dict):
            return
        self.json_mode = True
        if is_within(made, _DEEPEST):
            self.json_schema = made
        else:
            self.lost.append("the schema of the answer: nested too deep")

    def response_format(self, form: object) -> None:
        """Add OpenAI's ``response_format``."""
        if isinstance(form, Mapping) and form.get("type") == "json_object":
            self.json_mode = True
        elif isinstance(form, Mapping) and isinstance(form.get("json_schema"), Mapping):
            self.schema(form["json_schema"].get("schema"))


def as_json(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON text; anything else, and text that is no JSON, is returned as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def text(value: object) -> str:
    """A text as it is, ``None`` as "", anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:  # by the standard library, which goes deeper than orjson
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return ""


def tool_call(call_id: object, name: object, arguments: object) -> ToolCall:
    return ToolCall(id=text(call_id), name=text(name), arguments=text({} if arguments is None else arguments))


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of an array, which may be JSON text; none if the value is something else."""
    made = as_json(value)
    return [item for item in made if isinstance(item, dict)] if isinstance(made, list) else []


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
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return levels > 0 and all(is_within(item, levels - 1) for item in inner)


def _first_object(holder: Mapping[str, Any], *names: str) -> JsonObject:
    for name in names:
        value = as_json(holder.get(name))
        if isinstance(value, dict):
            return value
    return {}

"""What a tool is: its name, its arguments, and what it answers to them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

import attrs

from actors.principal import Scope
from transports.http.framework.json_schema import Schema, Schemas
from transports.http.framework.route import Call, wire_name
from transports.http.framework.rules import Between

ArgumentsT = TypeVar("ArgumentsT")

LEAST_TOKENS: Final = 200
MOST_TOKENS: Final = 50_000
MaxTokens: TypeAlias = Annotated[int, Between(LEAST_TOKENS, MOST_TOKENS)]
# Arguments that say how much of an answer is wanted, and not of what.
_OF_THE_PAGE: Final = frozenset(("after", "limit", "max_tokens"))
MAX_TOKENS: Final = "Most tokens of the answer, as estimated: two for five bytes"
_NULL: Final = {"type": "null"}


@attrs.frozen(kw_only=True)
class Question:
    """A tool and its arguments, as cursors know a request."""

    path: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, tool: str, arguments: Mapping[str, Any]) -> "Question":
        given = {name: str(value) for name, value in arguments.items() if value is not None}
        return cls(path=tool, query={name: text for name, text in given.items() if name not in _OF_THE_PAGE})


@attrs.frozen(kw_only=True)
class ToolCall(Generic[ArgumentsT]):
    """A call of a tool: the request that it came with, and its valid arguments."""

    call: Call[Any, Any]
    arguments: ArgumentsT
    question: Question


@attrs.frozen(kw_only=True)
class Tool:
    """A tool. ``run`` answers JSON text within the tokens of the arguments, or raises a ``StudioError``."""

    name: str
    title: str
    description: str
    arguments: type[Any]  # an attrs class
    run: Callable[[ToolCall[Any]], Awaitable[bytes]]
    scope: Scope = Scope.READ  # what a key needs, where the caller is no signed-in user
    schema: Schema = attrs.field(init=False, eq=False, repr=False)  # JSON Schema of the arguments

    @schema.default
    def _schema_of_arguments(self) -> Schema:
        fields = attrs.fields(attrs.resolve_types(self.arguments, include_extras=True))
        schemas = Schemas()
        return {
            "type": "object",
            "properties": {wire_name(field.name): _property(schemas.field(field)) for field in fields},
            "required": [wire_name(field.name) for field in fields if field.default is attrs.NOTHING],
            "additionalProperties": False,
        }


def _property(schema: Schema) -> Schema:
    """The schema of an argument. An optional one needs no null: it is left out. A default is an example, too."""
    alternatives = [each for each in schema.get("anyOf", ()) if each != _NULL]
    if len(alternatives) == 1:
        return {**alternatives[0], **{name: schema[name] for name in schema if name not in ("anyOf", "default")}}
    return {name: value for name, value in schema.items() if name != "examples" or "default" not in schema}

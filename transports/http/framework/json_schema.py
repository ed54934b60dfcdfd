"""JSON Schema of the types in requests and answers, read from their annotations and field metadata."""

from datetime import datetime
from enum import Enum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import attrs

from actors.span_store.messages import Cursor
from transports.http.framework.route import wire_name
from transports.http.framework.rules import Rule
from transports.http.framework.validation import unstructure
from transports.http.wire.filters import MOST_CHARACTERS, Filter
from transports.http.wire.moments import Moment

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    bytes: {"type": "string", "format": "binary"},
    dict: {"type": "object"},
    Cursor: {"type": "string"},
    Moment: {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "pattern": "^now(-[0-9]{1,9}[smhdw])?$"},
        ]
    },
    Filter: {"type": "string", "maxLength": MOST_CHARACTERS},
    NoneType: {"type": "null"},
    Any: {},
}


class Schemas:
    """Collects the JSON schemas of attrs classes by name while types are described."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._classes: dict[str, Any] = {}

    def of(self, type_: Any) -> Schema:  # noqa: ANN401 - any annotation
        """The schema of a type; an attrs class becomes a reference."""
        origin, arguments = get_origin(type_), get_args(type_)
        if (origin or type_) in _PLAIN:
            return dict(_PLAIN[origin or type_])
        if origin is Annotated:
            return self._ruled(arguments)
        if origin in (Union, UnionType):
            return {"anyOf": [self.of(argument) for argument in arguments]}
        if origin in (list, tuple):
            return {"type": "array", "items": self.of(arguments[0])}
        if issubclass(type_, Enum):
            return {"type": "string", "enum": [member.value for member in type_]}
        return self._reference(type_)

    def field(self, field: "attrs.Attribute[Any]") -> Schema:
        """The schema of one member, with its description and ``examples``.

        The singular ``example`` is never written: tools make mocks of it.
        """
        metadata = dict(field.metadata)
        example = metadata.pop("example")
        schema = self.of(field.type) | metadata | {"examples": [example]}
        plain = field.default is not attrs.NOTHING and not isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]  # attrs types Factory as a function
        return schema | {"default": unstructure(field.default)} if plain else schema

    def _ruled(self, arguments: tuple[Any, ...]) -> Schema:
        schema = self.of(arguments[0])
        for rule in arguments[1:]:
            if isinstance(rule, Rule):
                schema |= rule.schema()
        return schema

    def _reference(self, cls: Any) -> Schema:  # noqa: ANN401 - an attrs class
        name = cls.__name__
        if self._classes.setdefault(name, cls) is not cls:
            raise ValueError(f"two classes of answers have the name {name}")
        if name not in self.components:
            fields = attrs.fields(attrs.resolve_types(cls, include_extras=True))
            self.components[name] = {
                "title": name,
                "type": "object",
                "description": cleandoc(cls.__doc__).partition("\n\n")[0].replace("\n", " "),
                "properties": {wire_name(field.name): self.field(field) for field in fields},
                "required": [wire_name(field.name) for field in fields if field.default is attrs.NOTHING],
            }
        return {"$ref": f"#/components/schemas/{name}"}

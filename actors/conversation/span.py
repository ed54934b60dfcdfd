"""A span as the readers of conventions see it, and what such a reader offers."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from actors.conversation.form import Message, Tool
from actors.conversation.json_values import as_json, as_literal, object_in, text
from actors.conversation.parameters import Parameters

Attributes = Mapping[str, Any]

_TOOLS = ("tool", "TOOL", '"TOOL"', "execute_tool", "ai.toolCall")


@attrs.frozen
class Entry:
    """An event of a span, or a log record, by its name."""

    name: str
    fields: Attributes


@attrs.define(slots=False)
class Span:
    """The attributes, events and log records of one span. Each attribute is parsed once."""

    name: str
    scope: str
    attributes: Attributes
    events: Sequence[Attributes] = ()
    logs: Sequence[Attributes] = ()
    _parsed: dict[str, Any] = attrs.field(factory=dict, init=False)

    def json(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value of an attribute; text of JSON or of a Python literal is parsed, other text stays as it is."""
        if key not in self._parsed:
            self._parsed[key] = as_literal(self.attributes.get(key))
        return self._parsed[key]

    def object(self, key: str) -> Mapping[str, Any]:
        """An attribute that is an object; an empty one if it is something else."""
        made = self.json(key)
        return made if isinstance(made, Mapping) else {}

    def objects(self, key: str) -> list[dict[str, Any]]:
        """The objects in an attribute that is an array."""
        made = self.json(key)
        return [item for item in made if isinstance(item, dict)] if isinstance(made, list) else []

    def first(self, *keys: str) -> Any:  # noqa: ANN401 - any JSON value
        """The first of these attributes that has a value, as it was recorded."""
        return next((value for key in keys if (value := self.attributes.get(key)) not in (None, "")), None)

    @cached_property
    def entries(self) -> tuple[list[Entry], list[Entry]]:
        """The events, and the log records."""
        events = [_entry(event.get("name"), event.get("attributes"), None) for event in self.events]
        logs = [_entry(log.get("event_name"), log.get("attributes"), log.get("body")) for log in self.logs]
        return events, logs

    @cached_property
    def is_tool(self) -> bool:
        """Whether this is the run of a tool, whose arguments and result are no messages."""
        return any(
            self.attributes.get(key) in _TOOLS
            for key in (
                *("gen_ai.operation.name", "openinference.span.kind", "ai.operationId", "langfuse.observation.type"),
                *("mlflow.spanType", "traceloop.span.kind", "langsmith.span.kind", "junjo.agent.operation_type"),
            )
        )


def with_inner(fields: Attributes) -> Attributes:
    """With the fields that Azure's libraries write as one JSON text."""
    return {**fields, **object_in(fields.get("gen_ai.event.content"))}


def _entry(name: object, attributes: object, body: object) -> Entry:
    """The fields of a log record stand in its body; a body that is a text is content."""
    held = as_json(body) if isinstance(body, str) and body.startswith("{") else body
    fields = dict(attributes) if isinstance(attributes, Mapping) else {}
    if isinstance(held, Mapping):
        fields |= held
    elif held is not None:
        fields.setdefault("content", held)
    return Entry(text(name or fields.get("event.name")), with_inner(fields))


def _no_messages(_: Span) -> list[Message]:
    return []


def _no_tools(_: Span) -> tuple[Tool, ...]:
    return ()


def _no_parameters(_: Span) -> Parameters:
    return {}


def _nothing(_: Span) -> object:
    return None


@attrs.frozen(kw_only=True)
class Convention:
    """How one convention is read. What a reader does not find is empty, and the next convention is asked."""

    inputs: Callable[[Span], list[Message]] = _no_messages
    outputs: Callable[[Span], list[Message]] = _no_messages
    tools: Callable[[Span], tuple[Tool, ...]] = _no_tools
    parameters: Callable[[Span], Parameters] = _no_parameters
    provider: Callable[[Span], object] = _nothing
    model: Callable[[Span], object] = _nothing

"""OpenTelemetry's GenAI conventions, in their present names and those before v1.37.

Messages are attributes, JSON text or structured, of the span or of an event with the details of the operation; before
that they were events, one for each message.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from actors.conversation import events, parameters
from actors.conversation.cut import is_cut
from actors.conversation.form import Message, Side, Text, Tool
from actors.conversation.json_values import as_literal, objects, text
from actors.conversation.messages import message_of, said_by
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_REQUEST = "gen_ai.request."
_NO_PARAMETERS = frozenset(("model", "is_streaming", "structured_output_schema"))
# The present name, and those before.
_ASKED = ("gen_ai.input.messages", "gen_ai.prompt", "gen_ai.content.prompt")
_ANSWERED = ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.content.completion")
_INSTRUCTIONS = "gen_ai.system_instructions"


def with_instructions(span: Span, messages: list[Message]) -> list[Message]:
    """Messages with the system's before them, which some tell apart, unless it is there."""
    found = instructions(span)
    known = {_said(message) for message in messages if message.role == "system"}
    return [*(message for message in found if _said(message) not in known), *messages]


def instructions(span: Span) -> list[Message]:
    """What the system says, from the attributes or the details."""
    for fields in (span.attributes, *events.details(span)):
        given = as_literal(fields.get(_INSTRUCTIONS))
        if given and not is_cut(given):
            return said_by("system", "input", given)
    return []


def _inputs(span: Span) -> list[Message]:
    return _best(span, "input")


def _outputs(span: Span) -> list[Message]:
    return _best(span, "output")


def _best(span: Span, side: Side) -> list[Message]:
    """The messages of the first place that has some which say something."""
    found = [messages for messages in _places(span, side) if messages]
    return next((messages for messages in found if any(m.parts for m in messages)), found[0] if found else [])


def _places(span: Span, side: Side) -> Iterator[list[Message]]:
    """Messages in attributes, in details, in events, in log records."""
    name, *old = _ASKED if side == "input" else _ANSWERED
    yield [message_of(message, side) for message in span.objects(name)]
    for each in old:
        yield _old(span.json(each), side)
    for fields in events.details(span):
        yield [message_of(message, side) for message in objects(fields.get(name))]
    for entries in span.entries:
        yield events.messages_in(entries, side)


def _old(given: object, side: Side) -> list[Message]:
    """Messages, or their texts alone (Spring AI)."""
    items = given if isinstance(given, list) else []
    held = ({"content": item} if isinstance(item, str) else item for item in items)
    return [message_of(item, side) for item in held if isinstance(item, Mapping)]


def _tools(span: Span) -> tuple[Tool, ...]:
    for fields in (span.attributes, *events.details(span)):
        if found := tools_in(fields.get("gen_ai.tool.definitions")):
            return found
    return tools_in(span.json("gen_ai.agent.tools"))


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    for fields in (span.attributes, *events.details(span)):
        for name, value in fields.items():
            if name.startswith(_REQUEST) and name[len(_REQUEST) :] not in _NO_PARAMETERS:
                parameters.add(found, name[len(_REQUEST) :], _listed(value))
        if fields.get("gen_ai.output.type") == "json":
            parameters.add_json(found)
        parameters.add_format(found, fields.get("gen_ai.openai.request.response_format"))
    return found


def _listed(value: object) -> object:
    """A list that was written as JSON text."""
    return as_literal(value) if isinstance(value, str) and value.startswith("[") else value


def _said(message: Message) -> str:
    return "\n".join(part.text if isinstance(part, Text) else text(repr(part)) for part in message.parts).strip()


def _provider(span: Span) -> object:
    return _first(span, "gen_ai.provider.name", "gen_ai.system")


def _model(span: Span) -> object:
    return _first(span, "gen_ai.request.model", "gen_ai.response.model")


def _first(span: Span, *names: str) -> Any:  # noqa: ANN401 - any JSON value
    places: tuple[Mapping[str, Any], ...] = (span.attributes, *events.details(span))
    return next((fields[name] for name in names for fields in places if fields.get(name)), None)


GEN_AI = Convention(
    inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, provider=_provider, model=_model
)

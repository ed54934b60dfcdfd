"""The model requests of Junjo's agents, since 0.66: JSON texts with everything (``junjo.agent.messages``)."""

from collections.abc import Mapping
from typing import Any

from actors.conversation import parameters
from actors.conversation.form import Message, Side, Tool
from actors.conversation.json_values import objects
from actors.conversation.messages import message_of, said_by
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_REQUEST, _RESPONSE = "junjo.agent.model.request", "junjo.agent.model.response"


def _inputs(span: Span) -> list[Message]:
    request = span.object(_REQUEST)
    messages = [_message(message, "input") for message in objects(request.get("messages"))]
    return [*said_by("system", "input", request.get("instructions")), *messages]


def _outputs(span: Span) -> list[Message]:
    response = span.object(_RESPONSE) or span.object(f"{_RESPONSE}_candidate")
    return [_message(response, "output")] if response else []


def _message(message: Mapping[str, Any], side: Side) -> Message:
    """A message by its type: what an agent was given, what it said, which tools it called, and what they answered."""
    match message.get("type"):
        case "agent_input":
            return message_of({"role": "user", "content": _whole(message.get("input"))}, side)
        case "assistant_output" | "final_output" | "output":
            return message_of({"role": "assistant", "content": _whole(message.get("output"))}, side)
        case "assistant_tool_calls" | "tool_calls":
            said, calls = message.get("assistantText"), message.get("calls")
            return message_of({"role": "assistant", "content": said, "tool_calls": calls}, side)
        case "tool_result":
            result = {"type": "tool_result", "id": message.get("callId"), "name": message.get("toolName")}
            return message_of({"role": "tool", "content": [{**result, "result": message.get("result")}]}, side)
        case _:
            return message_of({"content": [dict(message)]}, side)


def _whole(value: object) -> object:
    """A value that is one part: an object with a text is no part of a message, but what it says."""
    return value if value is None or isinstance(value, str) else [{"type": "text", "text": value}]


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    schema = span.object(_REQUEST).get("outputSchema")
    if isinstance(schema, Mapping) and schema != {"type": "string"}:  # plain text needs no JSON
        parameters.add_schema(found, schema)
    return found


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_in(span.object(_REQUEST).get("tools"))


def _provider(span: Span) -> object:
    return span.first("junjo.agent.model.provider")


def _model(span: Span) -> object:
    return span.first("junjo.agent.model.name")


JUNJO_AGENT = Convention(
    inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, provider=_provider, model=_model
)

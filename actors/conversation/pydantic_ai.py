"""Pydantic AI: the events of a call as one JSON text, and the tools among the parameters of the request.

Logfire writes calls of OpenAI's Responses as such events too. The run of an agent has all messages of its calls.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.conversation import events, parameters
from actors.conversation.form import Message, Side, Tool
from actors.conversation.messages import message_of
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_TURN = ("gen_ai.assistant.message", "gen_ai.unknown")
_REQUEST = "model_request_parameters"
_RUN = "pydantic_ai.all_messages"


def _inputs(span: Span) -> list[Message]:
    return _events(span, "input") or [message_of(message, "input") for message in _run(span)[0]]


def _outputs(span: Span) -> list[Message]:
    return _events(span, "output") or [message_of(message, "output") for message in _run(span)[1]]


def _events(span: Span, side: Side) -> list[Message]:
    given = span.objects("events") or span.objects("all_messages_events")
    end = len(given)
    while end and given[end - 1].get("event.name") in _TURN:  # what was said last is the answer
        end -= 1
    if side == "output" and end < len(given):
        return [attrs.evolve(message, side=side) for message in _read(given[end:], "input")]
    return _read(given[:end], side)


def _read(given: list[dict[str, Any]], side: Side) -> list[Message]:
    return [made for event in given for made in events.from_fields(event.get("event.name"), event, side)]


def _run(span: Span) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The messages of a run: what led to the last answer, and that."""
    messages = span.objects(_RUN)
    ends = bool(messages) and messages[-1].get("role") == "assistant"
    return (messages[:-1], messages[-1:]) if ends else (messages, [])


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    answer = span.object(_REQUEST).get("output_object")
    if isinstance(answer, Mapping):
        parameters.add_schema(found, answer.get("json_schema"))
    return found


def _tools(span: Span) -> tuple[Tool, ...]:
    request = span.object(_REQUEST)
    return tools_in(request.get("function_tools")) + tools_in(request.get("output_tools"))


PYDANTIC_AI = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters)

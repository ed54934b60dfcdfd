"""Langfuse: the input of a generation, which is a text, messages, or messages and tools, and its output."""

from collections.abc import Mapping
from typing import Any

from actors.conversation.answers import answers_in
from actors.conversation.cut import is_cut
from actors.conversation.form import Message, Tool
from actors.conversation.parameters import Parameters, add_all
from actors.conversation.request_body import Body, messages_in, parameters_in, tools_of_body
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_OBSERVATION = "langfuse.observation."
_NO_LIMIT = ("Infinity", "inf")  # what Langfuse writes when the caller set none


def _inputs(span: Span) -> list[Message]:
    body = _input(span)
    messages = body.get("messages")
    if isinstance(messages, list):
        body = {**body, "messages": [message for message in messages if not _is_tool(message)]}
    return messages_in(body)


def _outputs(span: Span) -> list[Message]:
    if not _is_generation(span):
        return []
    answer = span.json(f"{_OBSERVATION}output")
    return [] if is_cut(answer) else answers_in(answer)


def _parameters(span: Span) -> Parameters:
    if not _is_generation(span):
        return {}
    found = parameters_in(_input(span))
    given = span.object(f"{_OBSERVATION}model.parameters")
    add_all(found, parameters_in({name: value for name, value in given.items() if value not in _NO_LIMIT}))
    return found


def _tools(span: Span) -> tuple[Tool, ...]:
    body = _input(span)
    messages = body.get("messages")
    offered = [message["content"] for message in messages if _is_tool(message)] if isinstance(messages, list) else []
    return tools_of_body(body) or tools_in(offered)


def _model(span: Span) -> object:
    return span.first(f"{_OBSERVATION}model.name") if _is_generation(span) else None


def _is_generation(span: Span) -> bool:
    return span.attributes.get(f"{_OBSERVATION}type") == "generation"


def _input(span: Span) -> Body:
    """The input as the body of a request."""
    made = span.json(f"{_OBSERVATION}input") if _is_generation(span) else None
    if isinstance(made, Mapping):
        return {"messages": [made]} if "role" in made else made
    if isinstance(made, list):
        return {"messages": made}
    return {"messages": [{"role": "user", "content": made}]} if made and not is_cut(made) else {}


def _is_tool(message: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether this is a tool on offer, which Langfuse puts behind the messages of LangChain, and no answer of one."""
    if not isinstance(message, Mapping) or message.get("role") != "tool":
        return False
    content = message.get("content")
    return isinstance(content, Mapping) and content.get("type") == "function" and "tool_call_id" not in message


LANGFUSE = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)

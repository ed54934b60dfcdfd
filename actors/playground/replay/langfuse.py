"""Langfuse: the input of a generation, which is a text, messages, or messages and tools."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.cut import is_cut
from actors.playground.replay.draft import Draft, as_json
from actors.playground.replay.request_body import Body, add_body, add_parameters, add_tools, body_in

Attributes = Mapping[str, Any]

_OBSERVATION = "langfuse.observation."
_NO_LIMIT = ("Infinity", "inf")  # what Langfuse writes when the caller set none


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    body = _input(attributes)
    messages = body.get("messages")
    if isinstance(messages, list):
        body = {**body, "messages": [message for message in messages if not _is_tool(message)]}
    add_body(draft, body)


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    if not _is_generation(attributes):
        return
    draft.model = draft.model or attributes.get(f"{_OBSERVATION}model.name")
    add_parameters(draft, _input(attributes))
    given = body_in(attributes.get(f"{_OBSERVATION}model.parameters"))
    add_parameters(draft, {name: value for name, value in given.items() if value not in _NO_LIMIT})


def read_tools(attributes: Attributes, draft: Draft) -> None:
    body = _input(attributes)
    add_tools(draft, body)
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if _is_tool(message):
            draft.tool(message["content"])


def _is_generation(attributes: Attributes) -> bool:
    return attributes.get(f"{_OBSERVATION}type") == "generation"


def _input(attributes: Attributes) -> Body:
    """The input as the body of a request."""
    given = attributes.get(f"{_OBSERVATION}input") if _is_generation(attributes) else None
    made = as_json(given)
    if isinstance(made, Mapping):
        return {"messages": [made]} if "role" in made else made
    if isinstance(made, list):
        return {"messages": made}
    return {"messages": [{"role": "user", "content": given}]} if given and not is_cut(given) else {}


def _is_tool(message: object) -> bool:
    """Whether this is a tool on offer, which Langfuse puts behind the messages of LangChain, and no answer of one."""
    if not isinstance(message, Mapping) or message.get("role") != "tool":
        return False
    content = message.get("content")
    return isinstance(content, Mapping) and content.get("type") == "function" and "tool_call_id" not in message

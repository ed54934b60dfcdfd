"""The model requests of Junjo's agents, since 0.66: one JSON text with everything (``junjo.agent.messages``)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actors.playground.prompt import ChatMessage
from actors.playground.replay.draft import Draft, as_json, objects, text, tool_call

Attributes = Mapping[str, Any]

_REQUEST = "junjo.agent.model.request"


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    request = _request(attributes)
    if request.get("instructions"):
        draft.messages.append(ChatMessage(role="system", content=text(request["instructions"])))
    for message in objects(request.get("messages")):
        kind = text(message.get("type"))
        read = _MESSAGES.get(kind)
        if read is None:
            draft.lost.append(f"message {len(draft.messages) + 1}: {kind}")
        else:
            draft.messages.append(read(message))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or attributes.get("junjo.agent.model.provider")
    draft.model = draft.model or attributes.get("junjo.agent.model.name")
    schema = _request(attributes).get("outputSchema")
    if isinstance(schema, dict) and schema != {"type": "string"}:  # plain text needs no JSON
        draft.schema(schema)
    policy = attributes.get(f"{_REQUEST}.mode")
    if policy not in (None, "full"):
        draft.lost.append(f"what junjo's {policy} recording left out")


def read_tools(attributes: Attributes, draft: Draft) -> None:
    for tool in objects(_request(attributes).get("tools")):
        draft.tool(tool)


def _request(attributes: Attributes) -> dict[str, Any]:
    request = as_json(attributes.get(_REQUEST))
    return request if isinstance(request, dict) else {}


def _input(message: Attributes) -> ChatMessage:
    return ChatMessage(role="user", content=text(message.get("input")))


def _output(message: Attributes) -> ChatMessage:
    return ChatMessage(role="assistant", content=text(message.get("output")))


def _calls(message: Attributes) -> ChatMessage:
    calls = (
        tool_call(call.get("id"), call.get("name"), call.get("arguments")) for call in objects(message.get("calls"))
    )
    return ChatMessage(role="assistant", content=text(message.get("assistantText")), tool_calls=tuple(calls))


def _result(message: Attributes) -> ChatMessage:
    return ChatMessage(role="tool", content=text(message.get("result")), tool_call_id=text(message.get("callId")))


_MESSAGES: Final[Mapping[str, Callable[[Attributes], ChatMessage]]] = {
    "agent_input": _input,
    "assistant_output": _output,
    "assistant_tool_calls": _calls,
    "tool_result": _result,
}

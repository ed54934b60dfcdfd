"""OpenInference: messages flattened into attributes, parameters in one JSON text."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, unflattened
from actors.playground.replay.parts import add_message
from actors.playground.replay.request_body import add_parameters, body_in

Attributes = Mapping[str, Any]


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    for message in unflattened(attributes, "llm.input_messages."):
        add_message(draft, _message(message))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or attributes.get("llm.provider") or attributes.get("llm.system")
    names = ("llm.request.model_name", "llm.model_name", "llm.response.model_name")
    draft.model = draft.model or next((attributes[name] for name in names if attributes.get(name)), None)
    add_parameters(draft, body_in(attributes.get("llm.invocation_parameters")))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    for tool in unflattened(attributes, "llm.tools."):
        draft.tool(tool.get("tool.json_schema"))


def _message(flat: Attributes) -> dict[str, Any]:
    contents = [_part(content) for content in unflattened(flat, "message.contents.")]
    calls = [
        {
            "id": call.get("tool_call.id"),
            "name": call.get("tool_call.function.name"),
            "arguments": call.get("tool_call.function.arguments"),
        }
        for call in unflattened(flat, "message.tool_calls.")
    ]
    return {
        "role": flat.get("message.role"),
        "content": contents or flat.get("message.content"),
        "tool_calls": calls,
        "tool_call_id": flat.get("message.tool_call_id"),
    }


def _part(content: Attributes) -> dict[str, Any]:
    return {
        "type": content.get("message_content.type", "text"),
        "text": content.get("message_content.text"),
        "id": content.get("message_content.id"),
        "name": content.get("message_content.name"),
        "input": content.get("message_content.input"),
    }

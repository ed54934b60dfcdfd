"""OpenInference: messages flattened into attributes, parameters in one JSON text."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, as_json, unflattened
from actors.playground.replay.parts import add_message

Attributes = Mapping[str, Any]

_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_completion_tokens",
    "stop": "stop",
    "stop_sequences": "stop",
    "reasoning_effort": "reasoning_effort",
}
_ELSEWHERE = frozenset(("model", "messages", "tools", "stream", "response_format", "json_mode", "json_schema"))


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    for message in unflattened(attributes, "llm.input_messages."):
        add_message(draft, _message(message))


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or attributes.get("llm.provider") or attributes.get("llm.system")
    names = ("llm.request.model_name", "llm.model_name", "llm.response.model_name")
    draft.model = draft.model or next((attributes[name] for name in names if attributes.get(name)), None)
    given = as_json(attributes.get("llm.invocation_parameters"))
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        if name in _PARAMETERS:
            draft.parameter(_PARAMETERS[name], value)
        elif name not in _ELSEWHERE:
            draft.lost.append(f"parameter {name}")
    draft.response_format(given.get("response_format"))
    draft.json_mode = draft.json_mode or given.get("json_mode") is True
    draft.schema(given.get("json_schema"))


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

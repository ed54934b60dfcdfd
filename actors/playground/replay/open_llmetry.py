"""OpenLLMetry before its move to OpenTelemetry's names: ``gen_ai.prompt.N.*``, ``llm.request.functions.N.*``."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, as_json, unflattened
from actors.playground.replay.parts import add_message

Attributes = Mapping[str, Any]

_PARAMETERS = {
    "llm.request.temperature": "temperature",
    "llm.top_p": "top_p",
    "llm.request.max_tokens": "max_tokens",
    "llm.chat.stop_sequences": "stop",
    "llm.request.reasoning_effort": "reasoning_effort",
    "gen_ai.openai.request.reasoning_effort": "reasoning_effort",
}
_LOST = ("llm.frequency_penalty", "llm.presence_penalty", "llm.top_k", "llm.user")


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    prompts = unflattened(attributes, "gen_ai.prompt.") or unflattened(attributes, "llm.prompts.")
    for prompt in prompts:
        content = prompt.get("content")
        parts = as_json(content)
        add_message(
            draft,
            {
                "role": prompt.get("role"),
                "content": parts if _are_parts(parts) else content,
                "tool_calls": unflattened(prompt, "tool_calls."),
                "tool_call_id": prompt.get("tool_call_id"),
            },
        )


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    draft.model = draft.model or attributes.get("llm.request.model")
    for name, parameter in _PARAMETERS.items():
        draft.parameter(parameter, attributes.get(name))
    for name in _LOST:
        if attributes.get(name) is not None:
            draft.lost.append(f"parameter {name.removeprefix('llm.')}")
    draft.schema(attributes.get("gen_ai.request.structured_output_schema"))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    for function in unflattened(attributes, "llm.request.functions."):
        draft.tool(function)


def _are_parts(value: object) -> bool:
    """Whether JSON text is content of several parts; other JSON in a prompt is content by itself."""
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) and "type" in part for part in value)

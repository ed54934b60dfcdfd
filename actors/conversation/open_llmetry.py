"""OpenLLMetry before its move to OpenTelemetry's names: ``gen_ai.prompt.N.*``, ``gen_ai.completion.N.*``."""

from collections.abc import Mapping
from typing import Any, Final

from actors.conversation import parameters
from actors.conversation.form import Message, Side, Tool
from actors.conversation.json_values import as_json, unflattened
from actors.conversation.messages import message_of
from actors.conversation.parameters import Parameters
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_PARAMETERS: Final[Mapping[str, str]] = {
    "llm.request.temperature": "temperature",
    "llm.top_p": "top_p",
    "llm.top_k": "top_k",
    "llm.request.max_tokens": "max_tokens",
    "llm.chat.stop_sequences": "stop",
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.request.reasoning_effort": "reasoning_effort",
    "gen_ai.openai.request.reasoning_effort": "reasoning_effort",
    "llm.user": "user",
    "gen_ai.user": "user",
}


def _inputs(span: Span) -> list[Message]:
    flat = unflattened(span.attributes, "gen_ai.prompt.") or unflattened(span.attributes, "llm.prompts.")
    return [_message(each, "input") for each in flat]


def _outputs(span: Span) -> list[Message]:
    flat = unflattened(span.attributes, "gen_ai.completion.") or unflattened(span.attributes, "llm.completions.")
    return [_message({"role": "assistant", **each}, "output") for each in flat]


def _message(flat: Mapping[str, Any], side: Side) -> Message:
    content = flat.get("content")
    parts = as_json(content)
    calls = unflattened(flat, "tool_calls.")
    if not calls and flat.get("function_call.name"):
        calls = [{"name": flat["function_call.name"], "arguments": flat.get("function_call.arguments")}]
    return message_of({**flat, "content": parts if _are_parts(parts) else content, "tool_calls": calls}, side)


def _tools(span: Span) -> tuple[Tool, ...]:
    return tools_in(unflattened(span.attributes, "llm.request.functions."))


def _parameters(span: Span) -> Parameters:
    found: Parameters = {}
    for name, word in _PARAMETERS.items():
        parameters.add(found, word, span.attributes.get(name))
    parameters.add_schema(found, span.json("gen_ai.request.structured_output_schema"))
    return found


def _model(span: Span) -> object:
    return span.first("llm.request.model")


def _are_parts(value: object) -> bool:
    """Whether JSON text is content of several parts; other JSON in a prompt is content by itself."""
    return isinstance(value, list) and bool(value) and all(isinstance(part, dict) and "type" in part for part in value)


OPEN_LLMETRY = Convention(inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, model=_model)

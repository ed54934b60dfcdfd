"""OpenInference: messages flattened into attributes, parameters in one JSON text.

A model call without such messages may have its request and its answer whole in ``input.value`` and ``output.value``.
"""

from collections.abc import Mapping
from typing import Any

from actors.conversation import parameters
from actors.conversation.answers import answers_in
from actors.conversation.form import Message, Reasoning, Side, Tool, ToolCall
from actors.conversation.json_values import object_in, unflattened
from actors.conversation.messages import joined, message_of, only
from actors.conversation.parameters import Parameters
from actors.conversation.request_body import messages_in, parameters_in
from actors.conversation.span import Convention, Span
from actors.conversation.tools import tools_in

_PART = "message_content."


def _inputs(span: Span) -> list[Message]:
    found = [message_of(_message(flat), "input") for flat in unflattened(span.attributes, "llm.input_messages.")]
    # One turn of OpenAI's Responses is several messages here: what was thought, and each call.
    return joined(found, lambda last, next_: only(last, Reasoning) or only(next_, ToolCall)) or _whole(span, "input")


def _outputs(span: Span) -> list[Message]:
    flat = unflattened(span.attributes, "llm.output_messages.")
    found = [message_of({"role": "assistant", **_message(each)}, "output") for each in flat]
    return joined(found, lambda last, _: only(last, Reasoning)) or _whole(span, "output")


def _whole(span: Span, side: Side) -> list[Message]:
    if span.attributes.get("openinference.span.kind") != "LLM":
        return []
    if side == "output":
        return answers_in(span.json("output.value"))
    given = span.json("input.value")
    return messages_in({"messages": given} if isinstance(given, list | str) else object_in(given))


def _message(flat: Mapping[str, Any]) -> dict[str, Any]:
    contents = [_part(content) for content in unflattened(flat, "message.contents.")]
    return {
        **({"role": flat["message.role"]} if flat.get("message.role") else {}),
        "name": flat.get("message.name"),
        "content": contents or flat.get("message.content"),
        "tool_calls": [_call(call) for call in unflattened(flat, "message.tool_calls.")] or _old_call(flat),
        "tool_call_id": flat.get("message.tool_call_id"),
        "finish_reason": flat.get("message.finish_reason"),
    }


def _part(content: Mapping[str, Any]) -> dict[str, Any]:
    """A part without the prefix of its members; a medium with its URL, and a call with what it calls."""
    part = {name.removeprefix(_PART): value for name, value in content.items() if name.startswith(_PART)}
    for name in ("image", "audio"):
        url = part.pop(f"{name}.{name}.url", None) or part.pop(f"{name}.url", None)
        if url is not None:
            part["url"] = url
        part["mime_type"] = part.pop(f"{name}.mime_type", None) or part.get("mime_type")
    if any(name.startswith("tool_call.") for name in content):
        part |= _call(content)
    return {"type": "text", **part}


def _call(flat: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": flat.get("tool_call.id"),
        "name": flat.get("tool_call.function.name"),
        "arguments": flat.get("tool_call.function.arguments"),
    }


def _old_call(flat: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = flat.get("message.function_call_name")
    return [{"name": name, "arguments": flat.get("message.function_call_arguments_json")}] if name else []


def _tools(span: Span) -> tuple[Tool, ...]:
    flat = unflattened(span.attributes, "llm.tools.")
    return tools_in([tool.get("tool.json_schema") for tool in flat]) or tools_in(_invocation(span).get("tools"))


def _parameters(span: Span) -> Parameters:
    found = parameters_in(_invocation(span))
    if not found and span.attributes.get("openinference.span.kind") == "LLM":
        config = object_in(span.object("input.value").get("generation_config"))
        for name, value in config.items():
            parameters.add(found, name, value)
    return found


def _invocation(span: Span) -> Mapping[str, Any]:
    return span.object("llm.invocation_parameters")


def _provider(span: Span) -> object:
    return span.first("llm.provider", "llm.system")


def _model(span: Span) -> object:
    asked = span.first("llm.request.model_name") or _invocation(span).get("model")
    return asked or span.first("llm.model_name", "llm.response.model_name")


OPEN_INFERENCE = Convention(
    inputs=_inputs, outputs=_outputs, tools=_tools, parameters=_parameters, provider=_provider, model=_model
)

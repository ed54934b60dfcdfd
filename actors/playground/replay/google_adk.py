"""Google ADK: the request to the model in one JSON text, by the names of Gemini's Python SDK."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.playground.replay.draft import Draft, is_within, objects
from actors.playground.replay.parts import add_message
from actors.playground.replay.request_body import body_in

Attributes = Mapping[str, Any]

_DEEPEST = 100  # levels of a schema
_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
}
_NO_PARAMETERS = frozenset(
    (
        *("system_instruction", "tools", "response_mime_type", "response_schema", "response_json_schema"),
        *("labels", "http_options", "automatic_function_calling"),
    )
)


def read_messages(attributes: Attributes, _: Sequence[Attributes], draft: Draft) -> None:
    request = _request(attributes)
    contents = objects(request.get("contents"))
    instruction = body_in(request.get("config")).get("system_instruction")
    if contents and instruction:
        add_message(draft, {"role": "system", "content": _parts(instruction)})
    for content in contents:
        role = "assistant" if content.get("role") == "model" else content.get("role")
        parts = _parts(content)
        if not parts:  # ADK leaves images and files out
            draft.lost.append(f"message {len(draft.messages) + 1}: a part that was not recorded")
        add_message(draft, {"role": role, "content": parts})


def read_parameters(attributes: Attributes, draft: Draft) -> None:
    request = _request(attributes)
    draft.model = draft.model or request.get("model")
    config = body_in(request.get("config"))
    for name, value in config.items():
        if name in _PARAMETERS:
            draft.parameter(_PARAMETERS[name], value)
        elif name not in _NO_PARAMETERS and value is not None:
            draft.lost.append(f"parameter {name}")
    if config.get("response_mime_type") == "application/json":
        draft.json_mode = True
    draft.schema(_json_schema(config.get("response_json_schema") or config.get("response_schema")))


def read_tools(attributes: Attributes, draft: Draft) -> None:
    for tool in objects(body_in(_request(attributes).get("config")).get("tools")):
        for function in objects(tool.get("function_declarations")):
            draft.tool({**function, "parameters": _json_schema(function.get("parameters"))})
        draft.lost += [f"tool {name}" for name in tool if name != "function_declarations" and tool[name] is not None]


def _request(attributes: Attributes) -> Mapping[str, Any]:
    return body_in(attributes.get("gcp.vertex.agent.llm_request"))


def _parts(content: object) -> list[object]:
    """The parts of a content, of a list of parts, or of a text."""
    parts = content.get("parts", [content]) if isinstance(content, Mapping) else content
    return [_part(part) for part in (parts if isinstance(parts, list) else [parts])]


def _part(part: object) -> object:
    if not isinstance(part, Mapping):
        return part
    call, answer = part.get("function_call"), part.get("function_response")
    if isinstance(call, Mapping):  # Gemini's own API has no ids: its calls are answered by name
        return {"type": "tool_call", "id": call.get("id") or call.get("name"), **_of(call, "name", "args")}
    if isinstance(answer, Mapping):
        return {"type": "tool_call_response", "id": answer.get("id") or answer.get("name"), **_of(answer, "response")}
    if part.get("thought") is True:
        return {"type": "thought"}
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    return {"type": next((name for name in part if part[name] is not None), "an empty part")}


def _of(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: part[name] for name in names if name in part}


def _json_schema(schema: object) -> object:
    """A schema with types as JSON schema writes them: Gemini's are in capitals. One too deep stays as it is."""
    return _lowered(schema) if is_within(schema, _DEEPEST) else schema


def _lowered(schema: object) -> object:
    if isinstance(schema, list):
        return [_lowered(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _lowered(value)
        for name, value in schema.items()
    }

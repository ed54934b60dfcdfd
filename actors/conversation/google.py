"""Requests and answers of Gemini: contents of parts whose kind is the name of a member."""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.conversation import parameters
from actors.conversation.form import Message, Side, Tool
from actors.conversation.json_values import as_json, first, object_in, objects, some_text
from actors.conversation.messages import finish_word, message_of, said_by
from actors.conversation.parameters import Parameters
from actors.conversation.tools import json_schema, tools_in

Body = Mapping[str, Any]

_NO_PARAMETERS = frozenset(
    (
        *("system_instruction", "tools", "response_mime_type", "response_schema", "response_json_schema"),
        *("labels", "http_options", "automatic_function_calling", "generation_config"),
    )
)


def messages_in(request: Body, side: Side = "input") -> list[Message]:
    """The contents of a request, with what the system says before them."""
    contents = as_json(request.get("contents"))
    messages = [_content(content, side) for content in (contents if isinstance(contents, list) else ())]
    return [*said_by("system", side, _parts(_system(request))), *messages] if messages else []


def answers_in(answer: Body) -> list[Message]:
    """The candidates of an answer."""
    found = []
    for candidate in objects(answer.get("candidates")):
        message = _content(candidate.get("content"), "output")
        found.append(attrs.evolve(message, finish_reason=_finish(candidate)))
    return found


def answer_of(answer: Body) -> list[Message]:
    """The answer as Google's ADK writes it: one content."""
    if not isinstance(answer.get("content"), Mapping):
        return []
    return [attrs.evolve(_content(answer["content"], "output"), finish_reason=_finish(answer))]


def parameters_in(config: Body) -> Parameters:
    """The parameters of a request's configuration."""
    found: Parameters = {}
    for name, value in (*config.items(), *object_in(config.get("generation_config")).items()):
        if name not in _NO_PARAMETERS:
            parameters.add(found, name, value)
    if config.get("response_mime_type") == "application/json":
        parameters.add_json(found)
    parameters.add_schema(found, json_schema(config.get("response_json_schema") or config.get("response_schema")))
    return found


def tools_in_config(request: Body) -> tuple[Tool, ...]:
    return tools_in(object_in(request.get("config")).get("tools"))


def _system(request: Body) -> object:
    config = object_in(request.get("config"))
    return first(request, "system_instruction", "systemInstruction") or first(config, "system_instruction")


def _content(content: object, side: Side) -> Message:
    held = content if isinstance(content, Mapping) else {"parts": content}
    role = held.get("role") or ("assistant" if side == "output" else "user")
    return message_of({"role": role, "parts": _parts(held)}, side)


def _parts(content: object) -> list[object]:
    """The parts of a content, of a list of parts, or of a text. Calls have no ids, and are answered by their names."""
    parts = content.get("parts", [content]) if isinstance(content, Mapping) else content
    return list(parts) if isinstance(parts, list) else [parts]


def _finish(candidate: Body) -> str | None:
    return finish_word(some_text(first(candidate, "finishReason", "finish_reason")))

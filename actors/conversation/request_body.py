"""The body of a request to a provider, which some conventions store whole: OpenAI's, Anthropic's or Google's."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from actors.conversation import google, parameters
from actors.conversation.form import Message, Side, Tool
from actors.conversation.json_values import as_json, objects
from actors.conversation.langchain import usual
from actors.conversation.messages import joined, message_of, said_by
from actors.conversation.parameters import Parameters
from actors.conversation.tools import tools_in

Body = Mapping[str, Any]

# Read elsewhere, or of no consequence for the answer.
_NO_PARAMETERS = frozenset(
    (
        *("model", "messages", "prompts", "prompt", "input", "instructions", "system", "tools", "functions"),
        *("response_format", "json_mode", "json_schema", "reasoning", "text", "contents", "config"),
        *("metadata", "store", "timeout", "extra_headers", "extra_body", "extra_query", "headers", "base_url"),
        *("api_base", "api_key", "http_client", "max_retries", "stream_options", "model_name", "_type", "type"),
        *("id", "created_at", "object", "output", "usage", "status", "error"),
    )
)
_LISTS: Final = ("messages", "prompts", "input")
_CALLED = ("function_call", "custom_tool_call", "mcp_call")
_BETWEEN = ("reasoning", *_CALLED)  # items of Responses that are parts of the assistant's turn


def messages_in(body: Body, side: Side = "input") -> list[Message]:
    """The messages of a request, with what the system says before them."""
    if "contents" in body:
        contents = as_json(body["contents"])
        return google.messages_in({**body, "contents": contents if isinstance(contents, list) else [contents]}, side)
    messages = items_in(_items(body), side)
    system = body.get("system") or body.get("instructions")
    return [*said_by("system", side, system), *messages] if messages and system else messages


def items_in(items: Iterable[Mapping[str, Any]], side: Side) -> list[Message]:
    """Messages, or what stands between them in OpenAI's Responses: those parts of a turn are one message."""
    given = list(items)
    messages = [_item(item, side) for item in given]
    between = any(_is_between(item) for item in given)
    return joined(messages, lambda _, __: True) if between else messages


def tools_of_body(body: Body) -> tuple[Tool, ...]:
    return tools_in(body.get("tools")) or tools_in(body.get("functions")) or google.tools_in_config(body)


def parameters_in(body: Body) -> Parameters:
    """All parameters of a request under their words."""
    found: Parameters = {}
    for name, value in body.items():
        if name not in _NO_PARAMETERS:
            parameters.add(found, name, value)
    reasoning, form = body.get("reasoning"), body.get("text")
    if isinstance(reasoning, Mapping):
        parameters.add(found, "reasoning_effort", reasoning.get("effort"))
    if isinstance(form, Mapping):
        parameters.add(found, "verbosity", form.get("verbosity"))
        parameters.add_format(found, form.get("format"))
    parameters.add_format(found, body.get("response_format"))
    if body.get("json_mode") is True:
        parameters.add_json(found)
    parameters.add_schema(found, body.get("json_schema"))
    return found


def _items(body: Body) -> list[dict[str, Any]]:
    """Those of ``messages``, ``prompts`` or ``input``; LangChain has lists of them in a list."""
    for name in _LISTS:
        value = as_json(body.get(name))
        if isinstance(value, str) and value:
            return [{"role": "user", "content": value}]
        if isinstance(value, list) and value and isinstance(value[0], list):
            value = value[0]
        if name == "prompts" and isinstance(value, list):
            return [{"role": "user", "content": prompt} for prompt in value if isinstance(prompt, str)]
        if found := objects(value):
            return found
    return []


def _item(item: Mapping[str, Any], side: Side) -> Message:
    kind = item.get("type")
    if "role" in item or not isinstance(kind, str) or usual(item) is not item:
        return message_of(item, side)
    if kind.endswith("_output"):
        return message_of({"role": "tool", "content": [item]}, side)
    role = "assistant" if _is_between(item) or side == "output" else "user"
    return message_of({"role": role, "content": [item]}, side)


def _is_between(item: Mapping[str, Any]) -> bool:
    return "role" not in item and item.get("type") in _BETWEEN

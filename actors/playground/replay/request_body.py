"""The body of a request to a provider, as some conventions store it whole: OpenAI's two forms, and Anthropic's."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from actors.playground.prompt import ChatMessage
from actors.playground.replay.draft import Draft, as_json, objects, text, tool_call
from actors.playground.replay.langchain import plain
from actors.playground.replay.parts import add_message

Body = Mapping[str, Any]

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
# Read elsewhere, or of no consequence for the answer.
_NO_PARAMETERS = frozenset(
    (
        *("model", "messages", "prompts", "input", "instructions", "system", "tools", "functions"),
        *("response_format", "json_mode", "json_schema", "reasoning", "text"),
        *("stream", "stream_options", "metadata", "store", "timeout", "extra_headers", "base_url", "api_base"),
        *("model_name", "_type", "id", "created_at"),
    )
)
_DEFAULTS: Final[Mapping[str, tuple[object, ...]]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "n": (1,),
    "service_tier": ("auto", "default"),
    "tool_choice": ("auto", {"type": "auto"}),
    "parallel_tool_calls": (True,),
    "background": (False,),
    "truncation": ("disabled",),
}


def body_in(value: object) -> Body:
    """The object in an attribute, which may be JSON text; an empty one if there is something else."""
    made = as_json(value)
    return made if isinstance(made, Mapping) else {}


def add_body(draft: Draft, body: Body) -> None:
    """Add the messages of a request, with what the system says before them."""
    messages = _messages(body)
    system = body.get("system") or body.get("instructions")
    if messages and system:
        add_message(draft, {"role": "system", "content": system})
    for message in messages:
        add_item(draft, message)


def add_item(draft: Draft, item: Mapping[str, Any]) -> None:
    """Add a message, or what stands between messages in OpenAI's Responses."""
    kind = item.get("type")
    if "role" in item or not isinstance(kind, str):
        add_message(draft, item)
    elif kind == "function_call":
        _add_call(draft, item)
    elif kind == "function_call_output":
        answered = text(item.get("call_id"))
        draft.messages.append(ChatMessage(role="tool", content=text(item.get("output")), tool_call_id=answered))
    elif (message := plain(item)) is not item:
        add_message(draft, message)
    else:
        draft.lost.append(f"message {len(draft.messages) + 1}: {kind}")


def add_tools(draft: Draft, body: Body) -> None:
    for tool in objects(body.get("tools")) or objects(body.get("functions")):
        draft.tool(tool)


def add_parameters(draft: Draft, body: Body) -> None:
    """Add all parameters. Those that have no place here are lost, unless they say what holds anyway."""
    draft.model = draft.model or body.get("model")
    for name, value in body.items():
        if name in _PARAMETERS:
            draft.parameter(_PARAMETERS[name], value)
        elif name not in _NO_PARAMETERS and value is not None and value not in _DEFAULTS.get(name, ()):
            draft.lost.append(f"parameter {name}")
    reasoning, form = body.get("reasoning"), body.get("text")
    if isinstance(reasoning, Mapping):
        draft.parameter("reasoning_effort", reasoning.get("effort"))
    if isinstance(form, Mapping) and isinstance(form.get("format"), Mapping):
        draft.schema(form["format"].get("schema"))
    draft.response_format(body.get("response_format"))
    draft.json_mode = draft.json_mode or body.get("json_mode") is True
    draft.schema(body.get("json_schema"))


def _messages(body: Body) -> list[dict[str, Any]]:
    """Those of ``messages``, ``prompts`` or ``input``; LangChain has lists of them in a list."""
    for name in ("messages", "prompts", "input"):
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


def _add_call(draft: Draft, item: Mapping[str, Any]) -> None:
    """Add a call of a tool. Several in a row are of one message, as a provider wants them."""
    call = tool_call(item.get("call_id"), item.get("name"), item.get("arguments"))
    last = draft.messages[-1] if draft.messages else None
    if last is not None and last.role == "assistant":
        draft.messages[-1] = attrs.evolve(last, tool_calls=(*last.tool_calls, call))
    else:
        draft.messages.append(ChatMessage(role="assistant", content="", tool_calls=(call,)))

"""A prompt as a request to OpenAI's chat completions, or to a compatible server."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Prompt, Tool


class Sampling(Enum):
    """Whether temperature and top_p may be other than 1."""

    FREE = "always"
    UNLESS_REASONING = "only without reasoning_effort"
    FIXED = "never"


_ALL_EFFORTS = ("minimal", "low", "medium", "high")


@attrs.frozen(kw_only=True)
class Family:
    """Models that take the same parameters. ``efforts`` is empty for those that do not reason."""

    names: str  # what the name starts with, as a regular expression
    efforts: tuple[str, ...] = ()
    sampling: Sampling = Sampling.FREE
    limit_name: str = "max_tokens"
    system_role: str = "system"

    @property
    def reasons(self) -> bool:
        return bool(self.efforts)


_REASONING: dict[str, Any] = {"sampling": Sampling.FIXED, "limit_name": "max_completion_tokens"}

# The first that matches. From the guides on reasoning and on each generation (developers.openai.com/api/docs/guides);
# o1-mini, o1-preview and o3-mini are sent system messages as user messages, as the reference does.
_FAMILIES = (
    Family(names=r"o1-(mini|preview)", system_role="user", **_REASONING),
    Family(names=r"o3-mini", efforts=("low", "medium", "high"), system_role="user", **_REASONING),
    Family(names=r"o\d", efforts=("low", "medium", "high"), **_REASONING),
    Family(names=r"gpt-(\d[\d.]*-)?(chat|search|audio|realtime|image)"),
    Family(names=r"gpt-5-pro", efforts=("high",), **_REASONING),
    Family(names=r"gpt-5(?!\.)", efforts=_ALL_EFFORTS, **_REASONING),
    Family(
        names=r"gpt-([5-9]|\d\d)",
        efforts=("low", "medium", "high"),
        sampling=Sampling.UNLESS_REASONING,
        limit_name="max_completion_tokens",
    ),
    Family(names=r"gpt-oss", efforts=("low", "medium", "high")),
    Family(names=r"(gpt|chatgpt|codex|davinci|babbage)-"),
)
# A name that is not OpenAI's belongs to another server, which knows best what it takes.
_UNKNOWN = Family(names="", efforts=_ALL_EFFORTS)


def family_of(model: str) -> Family | None:
    """The family of a model of OpenAI's, by its name; ``None`` for any other."""
    return next((family for family in _FAMILIES if re.match(family.names, model)), None)


def request_body(prompt: Prompt) -> dict[str, Any]:
    """The parameters of the call. Raises ``Refused`` for those that the model is known not to take."""
    family = family_of(prompt.model) or _UNKNOWN
    _check_effort(prompt, family)
    _check_sampling(prompt, family)
    body = {
        "model": prompt.model,
        "messages": [_message(message, family) for message in prompt.messages],
        "temperature": prompt.temperature,
        "top_p": prompt.top_p,
        "stop": None if prompt.stop is None else list(prompt.stop),
        "reasoning_effort": prompt.reasoning_effort,
        "response_format": _response_format(prompt),
        "tools": [_tool(tool) for tool in prompt.tools] or None,
        "max_completion_tokens": prompt.max_completion_tokens,
    }
    if prompt.max_tokens is not None and body.get(family.limit_name) is None:
        body[family.limit_name] = prompt.max_tokens
    return {name: value for name, value in body.items() if value is not None}


def _check_effort(prompt: Prompt, family: Family) -> None:
    effort = prompt.reasoning_effort
    if effort is None or effort in family.efforts:
        return
    if not family.reasons:
        raise Refused(f"{prompt.model} does not support reasoning_effort")
    supported = ", ".join(family.efforts)
    raise Refused(f"{prompt.model} does not support reasoning_effort {effort}. Supported: {supported}")


def _check_sampling(prompt: Prompt, family: Family) -> None:
    if family.sampling is Sampling.FREE:
        return
    if family.sampling is Sampling.UNLESS_REASONING and prompt.reasoning_effort is None:
        return
    for name, value in (("temperature", prompt.temperature), ("top_p", prompt.top_p)):
        if value not in (None, 1):
            condition = "" if family.sampling is Sampling.FIXED else " with reasoning_effort"
            raise Refused(f"{prompt.model} does not support {name}={value:g}{condition}. Only {name}=1 is supported")


def _message(message: ChatMessage, family: Family) -> dict[str, Any]:
    role = family.system_role if message.role == "system" else message.role
    body: dict[str, Any] = {"role": role, "content": _content(message) if message.images else message.content}
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return body


def _content(message: ChatMessage) -> list[dict[str, Any]]:
    """The text, if there is one, and the images behind it."""
    text = [{"type": "text", "text": message.content}] if message.content else []
    urls = (image.url or f"data:{image.media_type};base64,{image.data}" for image in message.images)
    return [*text, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]


def _response_format(prompt: Prompt) -> Mapping[str, Any] | None:
    if not prompt.json_mode:
        return None
    if prompt.json_schema is None:
        return {"type": "json_object"}
    schema = {"name": "response_schema", "strict": True, "schema": prompt.json_schema}
    return {"type": "json_schema", "json_schema": schema}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}

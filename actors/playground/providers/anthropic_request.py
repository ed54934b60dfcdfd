"""A prompt as a request to Anthropic's Messages API."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs
import orjson

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Image, JsonObject, Prompt, ToolCall

JSON_TOOL = "json_tool_call"  # the tool whose arguments are the answer, when JSON is asked for

_MAX_TOKENS = 4096  # where the prompt says nothing; the provider demands a figure
_LEAST_TOP_P_WITH_THINKING = 0.95
_ANY_OBJECT: JsonObject = {"type": "object", "properties": {}, "additionalProperties": True}


class Thinking(Enum):
    """The way in which a model's thinking is controlled."""

    NONE = "not at all"
    BUDGET = "thinking.budget_tokens"
    EFFORT = "thinking.type adaptive and output_config.effort"


@attrs.frozen(kw_only=True)
class ModelsSince:
    """Models from a version on. ``sampling`` says whether temperature and top_p may be other than 1."""

    since: tuple[int, int]
    thinking: Thinking
    sampling: bool


# The first entry not newer than the model counts. From platform.claude.com/docs: build-with-claude/extended-thinking,
# build-with-claude/adaptive-thinking, and the migration guide.
_MODELS_SINCE = (
    ModelsSince(since=(4, 7), thinking=Thinking.EFFORT, sampling=False),
    ModelsSince(since=(4, 6), thinking=Thinking.EFFORT, sampling=True),
    ModelsSince(since=(3, 7), thinking=Thinking.BUDGET, sampling=True),
    ModelsSince(since=(0, 0), thinking=Thinking.NONE, sampling=True),
)

# Thinking budgets of reasoning efforts (contract, section 7). The provider has none for "minimal".
_BUDGETS = {"low": 1024, "medium": 2048, "high": 4096}

# claude-sonnet-4-5-20250929, claude-opus-5, and the older claude-3-7-sonnet-latest. A date is no minor version.
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")


def generation_of(model: str) -> ModelsSince:
    """The generation of a model, by the version in its name; a name without one is taken for a new model."""
    found = _VERSION.match(model)
    version = (99, 0) if found is None else (int(found[1]), int(found[2] or 0))
    return next(generation for generation in _MODELS_SINCE if version >= generation.since)


def request_body(prompt: Prompt) -> dict[str, Any]:
    """The parameters of the call. Raises ``Refused`` for those that the model is known not to take."""
    generation = generation_of(prompt.model)
    budget = _budget(prompt, generation)
    _check_sampling(prompt, generation)
    body = {
        "model": prompt.model,
        "messages": [_message(message) for message in prompt.messages if not _is_system(message)],
        "system": [_text(message.content) for message in prompt.messages if _is_system(message)] or None,
        "max_tokens": _max_tokens(prompt, budget),
        "temperature": prompt.temperature if generation.sampling else None,
        "top_p": prompt.top_p if generation.sampling else None,
        "stop_sequences": list(prompt.stop) if prompt.stop else None,
        "thinking": _thinking(prompt, budget),
        "output_config": _output_config(prompt, generation),
        "tools": _tools(prompt, generation) or None,
        "tool_choice": _tool_choice(prompt, generation),
    }
    return {name: value for name, value in body.items() if value is not None}


def _budget(prompt: Prompt, generation: ModelsSince) -> int | None:
    """Tokens for thinking, for models that are given a budget."""
    effort = prompt.reasoning_effort
    if effort is None:
        return None
    if generation.thinking is Thinking.NONE:
        raise Refused(f"{prompt.model} does not support reasoning_effort")
    if effort not in _BUDGETS:
        raise Refused(f"{effort} reasoning effort is not supported by anthropic. Supported: {', '.join(_BUDGETS)}")
    return _BUDGETS[effort] if generation.thinking is Thinking.BUDGET else None


def _max_tokens(prompt: Prompt, budget: int | None) -> int:
    """The limit of the answer, which includes the tokens for thinking."""
    given = prompt.max_completion_tokens or prompt.max_tokens
    if budget is None:
        return given or _MAX_TOKENS
    if given is None:
        return budget + _MAX_TOKENS
    if given <= budget:
        effort = prompt.reasoning_effort
        raise Refused(f"max_tokens must be greater than {budget}, the thinking budget of reasoning_effort {effort}")
    return given


def _check_sampling(prompt: Prompt, generation: ModelsSince) -> None:
    temperature, top_p = prompt.temperature, prompt.top_p
    if not generation.sampling:
        for name, value in (("temperature", temperature), ("top_p", top_p)):
            if value not in (None, 1):  # 1 is the default, and is not sent
                raise Refused(f"{prompt.model} does not support {name}={value:g}. Only {name}=1 is supported")
    if temperature is not None and temperature > 1:
        raise Refused(f"anthropic does not support temperature={temperature:g}. It must be between 0 and 1")
    if prompt.reasoning_effort is None:
        return
    if temperature not in (None, 1):
        raise Refused(f"anthropic supports only temperature=1 with reasoning_effort, not {temperature:g}")
    if top_p is not None and top_p < _LEAST_TOP_P_WITH_THINKING:
        raise Refused(f"anthropic supports no top_p below 0.95 with reasoning_effort, not {top_p:g}")


def _thinking(prompt: Prompt, budget: int | None) -> Mapping[str, Any] | None:
    if prompt.reasoning_effort is None:
        return None
    if budget is not None:
        return {"type": "enabled", "budget_tokens": budget}
    return {"type": "adaptive", "display": "summarized"}  # the newest show no thinking unless asked


def _output_config(prompt: Prompt, generation: ModelsSince) -> Mapping[str, Any] | None:
    if generation.thinking is not Thinking.EFFORT or prompt.reasoning_effort is None:
        return None
    config: dict[str, Any] = {"effort": prompt.reasoning_effort}
    if prompt.json_mode and prompt.json_schema is not None:
        config["format"] = {"type": "json_schema", "schema": prompt.json_schema}
    return config


def _wants_json_tool(prompt: Prompt, generation: ModelsSince) -> bool:
    """Whether a tool is needed to get JSON.

    A tool cannot be forced on a model that thinks; newer ones have ``output_config.format`` for that.
    """
    config = _output_config(prompt, generation)
    return prompt.json_mode and not (config and "format" in config)


def _tools(prompt: Prompt, generation: ModelsSince) -> list[Mapping[str, Any]]:
    tools: list[Mapping[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in prompt.tools
    ]
    if _wants_json_tool(prompt, generation):
        schema = _ANY_OBJECT if prompt.json_schema is None else prompt.json_schema
        tools.append({"name": JSON_TOOL, "input_schema": schema})
    return tools


def _tool_choice(prompt: Prompt, generation: ModelsSince) -> Mapping[str, Any] | None:
    if not _wants_json_tool(prompt, generation) or prompt.reasoning_effort is not None:
        return None
    return {"type": "any"} if prompt.tools else {"type": "tool", "name": JSON_TOOL}


def _is_system(message: ChatMessage) -> bool:
    return message.role in ("system", "developer")


def _message(message: ChatMessage) -> dict[str, Any]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}
        return {"role": "user", "content": [result]}
    said = message.content or not (message.tool_calls or message.images)
    content = [*([_text(message.content)] if said else []), *map(_image, message.images)]
    return {"role": message.role, "content": [*content, *map(_tool_use, message.tool_calls)]}


def _image(image: Image) -> dict[str, Any]:
    if image.url is not None:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _tool_use(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError as error:
        raise Refused(f"The arguments of the tool call {call.id} are not JSON, as anthropic demands") from error
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}

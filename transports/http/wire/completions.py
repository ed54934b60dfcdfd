"""A model's answer on the wire (contract, section 7). An unknown usage is left out, never null."""

from typing import Any

import attrs

from actors.playground.prompt import Completion, Usage
from transports.http.framework.route import described
from transports.http.wire.prompts import TOOL_CALL, ToolCallBody, tool_call_document


@attrs.frozen(kw_only=True)
class AnswerMessage:
    """The model's message."""

    role: str = attrs.field(metadata=described("Always assistant", "assistant"))
    content: str = attrs.field(metadata=described("The answer", "384,400 km."))
    tool_calls: list[ToolCallBody] | None = attrs.field(
        default=None, metadata=described("What the model wants called; left out when nothing", [TOOL_CALL])
    )


@attrs.frozen(kw_only=True)
class Choice:
    """One alternative of the answer."""

    index: int = attrs.field(metadata=described("Always 0", 0))
    message: AnswerMessage = attrs.field(
        metadata=described("The model's turn", {"role": "assistant", "content": "384,400 km."})
    )
    finish_reason: str | None = attrs.field(metadata=described("Why the answer ends", "stop"))


@attrs.frozen(kw_only=True)
class UsageAnswer:
    """Tokens, as the provider counted them."""

    prompt_tokens: int = attrs.field(metadata=described("Of the question, cached ones included", 12))
    completion_tokens: int = attrs.field(metadata=described("Of the answer, reasoning included", 8))
    total_tokens: int = attrs.field(metadata=described("Both together", 20))


@attrs.frozen(kw_only=True)
class GenerateAnswer:
    """A completion."""

    id: str = attrs.field(metadata=described("Id of the completion", "chatcmpl-1"))
    object: str = attrs.field(metadata=described("Always chat.completion", "chat.completion"))
    created: int = attrs.field(metadata=described("When it was made, in Unix seconds", 1700000000))
    model: str = attrs.field(metadata=described("The model, as the provider calls it", "gpt-4o"))
    choices: list[Choice] = attrs.field(
        metadata=described(
            "One answer",
            [{"index": 0, "message": {"role": "assistant", "content": "384,400 km."}, "finish_reason": "stop"}],
        )
    )
    usage: UsageAnswer | None = attrs.field(
        default=None,
        metadata=described(
            "Left out when the provider told none",
            {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20},
        ),
    )
    reasoning_content: str | None = attrs.field(default=None, metadata=described("What the model thought", None))


def completion_document(completion: Completion) -> dict[str, Any]:
    """Serialise a completion, in the reference's order of members."""
    message: dict[str, Any] = {"role": "assistant", "content": completion.content}
    if completion.tool_calls:
        message["tool_calls"] = [tool_call_document(call) for call in completion.tool_calls]
    usage = {} if completion.usage is None else {"usage": usage_document(completion.usage)}
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "finish_reason": completion.finish_reason}],
        **usage,
        "reasoning_content": completion.reasoning,
    }


def usage_document(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }

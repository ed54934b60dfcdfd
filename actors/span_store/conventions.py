"""Which attributes fill the hot columns: one table for all the conventions that senders use.

Raw attributes are stored as they came and never rewritten; this table only says what is copied out of them. Its version
is stored beside the data, so that a changed mapping can be run again over stored spans.

Sources: OpenTelemetry GenAI conventions (present names first, then those before v1.37), OpenInference, OpenLLMetry,
Vercel AI SDK, and Junjo's own attributes before and since 0.63.
"""

import math
from collections.abc import Callable
from typing import Any

import attrs

from actors.span_store.spans import Attributes, AttributeValue

VERSION = 1


def _text(value: AttributeValue) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: AttributeValue) -> int | None:
    """A token count; a whole float is what JSON makes of an integer in some senders."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def _amount(value: AttributeValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


@attrs.frozen
class HotColumn:
    """One column and the attributes that may fill it; the first that is there with a fitting type wins."""

    name: str
    read: Callable[[AttributeValue], Any]
    attributes: tuple[str, ...]


HOT_COLUMNS: tuple[HotColumn, ...] = (
    HotColumn("junjo_span_type", _text, ("junjo.span_type",)),
    HotColumn("junjo_id", _text, ("junjo.id", "junjo.executable_runtime_id")),
    HotColumn("junjo_parent_id", _text, ("junjo.parent_id", "junjo.parent_executable_runtime_id")),
    HotColumn("openinference_span_kind", _text, ("openinference.span.kind",)),
    HotColumn("gen_ai_operation_name", _text, ("gen_ai.operation.name",)),
    HotColumn(
        "model",
        _text,
        (
            "gen_ai.response.model",
            "llm.response.model_name",
            "gen_ai.request.model",
            "llm.request.model_name",
            "llm.model_name",
            "ai.response.model",
            "ai.model.id",
            "embedding.model_name",
            "junjo.agent.model.name",
        ),
    ),
    HotColumn(
        "provider",
        _text,
        (
            "gen_ai.provider.name",
            "gen_ai.system",
            "llm.provider",
            "llm.system",
            "ai.model.provider",
            "junjo.agent.model.provider",
        ),
    ),
    HotColumn(
        "input_tokens",
        _count,
        (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.prompt_tokens",
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
        ),
    ),
    HotColumn(
        "output_tokens",
        _count,
        (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
            "ai.usage.outputTokens",
            "ai.usage.completionTokens",
        ),
    ),
    HotColumn(
        "cache_read_tokens",
        _count,
        (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cache_read_tokens",
            "llm.token_count.prompt_details.cache_read",
            "ai.usage.cachedInputTokens",
        ),
    ),
    HotColumn(
        "cache_write_tokens",
        _count,
        (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_tokens",
            "llm.token_count.prompt_details.cache_write",
        ),
    ),
    HotColumn(
        "reasoning_tokens",
        _count,
        (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
            "ai.usage.reasoningTokens",
        ),
    ),
    HotColumn("cost", _amount, ("llm.cost.total", "gen_ai.usage.cost")),
    HotColumn(
        "session_id",
        _text,
        ("session.id", "gen_ai.conversation.id", "langfuse.session.id", "ai.telemetry.metadata.sessionId"),
    ),
    HotColumn("user_id", _text, ("user.id", "enduser.id", "langfuse.user.id", "ai.telemetry.metadata.userId")),
)


# Where each attribute goes: column, its rank among the attributes of that column, and how its value is read.
_TARGETS = {
    name: (index, rank, column.read)
    for index, column in enumerate(HOT_COLUMNS)
    for rank, name in enumerate(column.attributes)
}
_NAMES = _TARGETS.keys()
_NO_RANK = len(_TARGETS)


def hot_values(attributes: Attributes) -> list[Any]:
    """The values of ``HOT_COLUMNS`` in their order, ``None`` where the span does not say."""
    values: list[Any] = [None] * len(HOT_COLUMNS)
    ranks = [_NO_RANK] * len(HOT_COLUMNS)
    for name in attributes.keys() & _NAMES:
        index, rank, read = _TARGETS[name]
        if rank < ranks[index]:
            value = read(attributes[name])
            if value is not None:
                values[index], ranks[index] = value, rank
    return values

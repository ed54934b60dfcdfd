"""Which attributes fill the hot columns: one table for all the conventions that senders use.

Raw attributes are stored as they came and never rewritten; this table only says what is copied out of them. A change of
it reaches the spans that come in from then on.

Sources: OpenTelemetry GenAI conventions (present names first, then those before v1.37), OpenInference, OpenLLMetry,
Vercel AI SDK, and Junjo's own attributes before and since 0.63.
"""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import attrs
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from actors.span_store.columns.attributes import SpanAttributes
from actors.span_store.columns.key_shapes import taken
from actors.span_store.columns.spans import AttributeValue
from actors.span_store.columns.types import AnyArray, Doubles, Int32s, Int64s, Texts

TEXT, COUNT, AMOUNT = pa.string(), pa.int64(), pa.float64()
LLM = "LLM"  # OpenInference span kind of a call of a model
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as in JSON
_LONGEST = 40  # characters of one
_Number: TypeAlias = Callable[[AttributeValue], float | None]


def _texts(attributes: SpanAttributes, places: Int32s) -> Texts:
    texts: Texts = taken(attributes.texts, places)
    return texts


def _counts(attributes: SpanAttributes, places: Int32s) -> Int64s:
    """Token counts; a whole float is what JSON makes of an integer in some senders, and others write text."""
    return _numbers(attributes, places, COUNT, _count)


def _count(value: AttributeValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
        return None
    return int(value) if value == int(value) else None


def _amounts(attributes: SpanAttributes, places: Int32s) -> Doubles:
    return _numbers(attributes, places, AMOUNT, _amount)


def _amount(value: AttributeValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _numbers(attributes: SpanAttributes, places: Int32s, kind: pa.DataType, number: _Number) -> AnyArray:
    others = taken(attributes.others, places)
    found = _in_json(others, kind, number)
    if others.null_count == places.null_count:
        return found
    texts = taken(attributes.texts, places).to_pylist()
    return pc.coalesce(found, pa.array([_in_text(text, number) for text in texts], kind))


def _in_json(texts: Texts, kind: pa.DataType, number: _Number) -> AnyArray:
    """The numbers that these texts of JSON say; they are looked at one by one when one of them may say no such number.

    A minus is found faster in the memory of all than in a column of numbers.
    """
    memory = texts.buffers()[2]
    if kind is not COUNT or memory is None or b"-" not in memory.to_pybytes():
        with suppress(pa.ArrowInvalid):
            return pc.cast(texts, kind)
    return pa.array([None if text is None else number(orjson.loads(text)) for text in texts.to_pylist()], kind)


def _in_text(text: str | None, number: _Number) -> float | None:
    """The number that a string says, and nothing else."""
    if text is None or len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    try:
        return number(orjson.loads(text))
    except orjson.JSONDecodeError:  # a number that no double holds
        return None


@attrs.frozen
class PromotedColumn:
    """One column and the attributes that may fill it; the first that is there with a fitting type wins.

    ``read`` gives the values at some places among the pairs, null for those that do not fit.
    """

    name: str
    read: Callable[[SpanAttributes, Int32s], AnyArray]
    attributes: tuple[str, ...]

    @property
    def type(self) -> pa.DataType:
        return _TYPES[self.read]


_TYPES: dict[Callable[..., AnyArray], pa.DataType] = {_texts: TEXT, _counts: COUNT, _amounts: AMOUNT}

PROMOTED_COLUMNS: tuple[PromotedColumn, ...] = (
    PromotedColumn("junjo_span_type", _texts, ("junjo.span_type",)),
    PromotedColumn("junjo_id", _texts, ("junjo.id", "junjo.executable_runtime_id")),
    PromotedColumn("junjo_parent_id", _texts, ("junjo.parent_id", "junjo.parent_executable_runtime_id")),
    PromotedColumn("openinference_span_kind", _texts, ("openinference.span.kind",)),
    PromotedColumn("gen_ai_operation_name", _texts, ("gen_ai.operation.name",)),
    PromotedColumn(
        "model",
        _texts,
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
    PromotedColumn(
        "provider",
        _texts,
        (
            "gen_ai.provider.name",
            "gen_ai.system",
            "llm.provider",
            "llm.system",
            "ai.model.provider",
            "junjo.agent.model.provider",
        ),
    ),
    PromotedColumn(
        "input_tokens",
        _counts,
        (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "llm.token_count.prompt",
            "llm.usage.prompt_tokens",
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
        ),
    ),
    PromotedColumn(
        "output_tokens",
        _counts,
        (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
            "ai.usage.outputTokens",
            "ai.usage.completionTokens",
        ),
    ),
    PromotedColumn(
        "cache_read_tokens",
        _counts,
        (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cache_read_tokens",
            "llm.token_count.prompt_details.cache_read",
            "ai.usage.cachedInputTokens",
        ),
    ),
    PromotedColumn(
        "cache_write_tokens",
        _counts,
        (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_tokens",
            "llm.token_count.prompt_details.cache_write",
        ),
    ),
    PromotedColumn(
        "reasoning_tokens",
        _counts,
        (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
            "ai.usage.reasoningTokens",
        ),
    ),
    PromotedColumn("cost", _amounts, ("llm.cost.total", "gen_ai.usage.cost")),
    PromotedColumn(
        "session_id",
        _texts,
        ("session.id", "gen_ai.conversation.id", "langfuse.session.id", "ai.telemetry.metadata.sessionId"),
    ),
    PromotedColumn("user_id", _texts, ("user.id", "enduser.id", "langfuse.user.id", "ai.telemetry.metadata.userId")),
)


_READ_TOGETHER = {read: [column for column in PROMOTED_COLUMNS if column.read is read] for read in _TYPES}


def promoted_columns(attributes: SpanAttributes, length: int) -> dict[str, AnyArray]:
    """The values of ``PROMOTED_COLUMNS`` by name, null where a span has none. Reads only their attributes."""
    columns: dict[str, AnyArray] = {}
    for read, together in _READ_TOGETHER.items():
        names = [name for column in together for name in column.attributes if name in attributes.keys]
        values = _pieces(read(attributes, attributes.keys.places(names)), length) if names else []
        by_name = dict(zip(names, values, strict=True))
        for column in together:
            found = [by_name[name] for name in column.attributes if name in by_name]
            columns[column.name] = _first(found) if found else _nulls(length, column.type)
    return columns


def _nulls(length: int, kind: pa.DataType) -> AnyArray:
    nulls: AnyArray = pa.nulls(length, kind)  # type: ignore[call-overload] # has a form for each kind, and none for all
    return nulls


def _pieces(values: AnyArray, length: int) -> list[AnyArray]:
    return [values.slice(begin, length) for begin in range(0, len(values), length)]


def _first(found: list[AnyArray]) -> AnyArray:
    """Of each span the first value that is there."""
    return found[0] if len(found) == 1 else pc.coalesce(*found)

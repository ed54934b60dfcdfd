"""What agents did: their requests to models and their calls of tools, each from its span."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import orjson

from actors.workflows.evidence.facts import Reading, cancellation_of, duration_of, error_of, is_count, outcome_of
from actors.workflows.evidence.form import (
    Admission,
    Issue,
    ModelOperation,
    ModelUsage,
    Operation,
    RequestedToolCall,
    ToolOperation,
)
from actors.workflows.executables import OperationKind
from actors.workflows.span import Span

_MODEL, _TOOL = "junjo.agent.model", "junjo.agent.tool"
_TOOL_CALLS: Final = "tool_calls"
# Why agents end before they have called a tool that they were asked to call.
_REFUSED: Final = frozenset({"unknown_tool", "limit_exceeded"})


@attrs.frozen
class ReadOperation:
    """An operation and what is wrong with it. Without all of its names and numbers it is none."""

    operation: Operation | None
    issues: tuple[Issue, ...]


def read_operation(span: Span, kind: OperationKind) -> ReadOperation:
    reading = Reading(span)
    names = ("sequence", "ordinal")
    made = _model(reading) if kind is OperationKind.MODEL_REQUEST else _tool(reading)
    is_whole = not any(issue.code.endswith("_attribute") for issue in reading.issues)
    if is_whole and min(getattr(made, name) for name in names) < 1:
        reading.report("invalid_attribute", "junjo.agent.operation.sequence", "Operations are counted from 1")
        is_whole = False
    issues = (attrs.evolve(issue, path=f"operations.{span.span_id}.{issue.path}") for issue in reading.issues)
    return ReadOperation(made if is_whole else None, tuple(issues))


def _common(reading: Reading) -> dict[str, Any]:
    """Members that both kinds have."""
    span = reading.span
    return {
        "sequence": reading.count("junjo.agent.operation.sequence"),
        "span_id": span.span_id,
        "start_time_unix_nano": span.start_time_unix_nano,
        "end_time_unix_nano": span.end_time_unix_nano or span.start_time_unix_nano,
        "duration_ns": duration_of(span),
        "outcome": outcome_of(span),
        "error": error_of(span),
        "cancellation": cancellation_of(span),
    }


def _model(reading: Reading) -> ModelOperation:
    return ModelOperation(
        **_common(reading),
        ordinal=reading.count(f"{_MODEL}_request.ordinal"),
        state_revision=reading.count(f"{_MODEL}_request.state_revision"),
        driver_key=reading.text(f"{_MODEL}.driver_key"),
        provider=reading.text(f"{_MODEL}.provider"),
        model_name=reading.text(f"{_MODEL}.name"),
        request=reading.payload(f"{_MODEL}.request"),
        response_candidate=reading.candidate(f"{_MODEL}.response_candidate"),
        response_type=reading.span.text(f"{_MODEL}.response_type"),
        response=reading.payload_if_any(f"{_MODEL}.response"),
        usage=_usage(reading.span),
        requested_tool_calls=(),
    )


def _tool(reading: Reading) -> ToolOperation:
    return ToolOperation(
        **_common(reading),
        call_id=reading.text(f"{_TOOL}_call.id"),
        ordinal=reading.count(f"{_TOOL}_call.ordinal"),
        tool_name=reading.text(f"{_TOOL}.name"),
        tool_structural_id=reading.text(f"{_TOOL}.structural_id"),
        state_revision_before=reading.count(f"{_TOOL}.state_revision.before"),
        state_revision_after=reading.count_if_any(f"{_TOOL}.state_revision.after"),
        requested_arguments=reading.payload(f"{_TOOL}.requested_arguments"),
        arguments=reading.payload_if_any(f"{_TOOL}.arguments"),
        result_candidate=reading.candidate(f"{_TOOL}.result_candidate"),
        result=reading.payload_if_any(f"{_TOOL}.result"),
    )


def _usage(span: Span) -> ModelUsage | None:
    usage = _object(span.text(f"{_MODEL}.usage"))
    if not usage:
        return None
    return ModelUsage(
        input_tokens=_count(usage, "inputTokens"),
        output_tokens=_count(usage, "outputTokens"),
        cached_input_tokens=_count(usage, "cachedInputTokens"),
        reasoning_tokens=_count(usage, "reasoningTokens"),
        total_tokens=_count(usage, "totalTokens"),
    )


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if is_count(value) else None


def _object(text: str | bytes | None) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text or "null")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def with_requested_calls(operations: Sequence[Operation], reason: str | None) -> tuple[Operation, ...]:
    """Operations of one agent in their order, its model requests with the tool calls that they asked for.

    Calls are counted through all of them. ``reason`` is that of the agent's end, if its span is there.
    """
    tools = {each.call_id: each for each in operations if isinstance(each, ToolOperation)}
    ordinal = 0
    made: list[Operation] = []
    for operation in operations:
        if isinstance(operation, ModelOperation) and operation.response_type == _TOOL_CALLS:
            calls = tuple(_requested(operation, ordinal, tools, reason))
            ordinal += len(calls)
            made.append(attrs.evolve(operation, requested_tool_calls=calls))
        else:
            made.append(operation)
    return tuple(made)


def _requested(
    operation: ModelOperation, before: int, tools: Mapping[str, ToolOperation], reason: str | None
) -> Iterator[RequestedToolCall]:
    response = _object(None if operation.response is None else operation.response.value)
    calls = response.get("calls")
    for ordinal, call in enumerate(calls if isinstance(calls, list) else (), before + 1):
        match call:
            case {"id": str(call_id), "name": str(name)}:
                tool = tools.get(call_id)
                admission, why = _admission(tool, reason)
                yield RequestedToolCall(
                    call_id=call_id,
                    ordinal=ordinal,
                    tool_name=name,
                    observed_tool_operation=tool is not None,
                    admission=admission,
                    reason=why,
                )


def _admission(tool: ToolOperation | None, reason: str | None) -> tuple[Admission, str | None]:
    """Arguments that were not valid have an operation, and no arguments in it."""
    if tool is not None:
        return ("admitted", None) if tool.arguments is not None else ("not_admitted", "tool_input_validation_error")
    if reason in _REFUSED:
        return "not_admitted", reason
    return "unknown", "execution_interrupted"

"""Runs of agents, each from its span alone."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
import orjson

from actors.workflows.evidence.facts import Reading, SentSpan, duration_of, is_count, is_known
from actors.workflows.evidence.form import (
    AgentRun,
    Counts,
    Diagnostic,
    Issue,
    Limits,
    Outcome,
    ToolCallCounts,
    Usage,
    UsageSum,
)
from actors.workflows.span import Span

_CALLS: Final = "junjo.agent.tool_call"
_USAGE: Final = "junjo.agent.usage"
_OUTCOMES: Final[Mapping[str, Outcome]] = {"completed": "completed", "failed": "failed", "cancelled": "cancelled"}
_OUTCOME_OF_REASON: Final[Mapping[str, Outcome]] = {"final_output": "completed", "cancelled": "cancelled"}
_NO_USAGE: Final = Usage(model_responses=0, fields={})


@attrs.frozen
class ReadRun:
    """A run of an agent, or all that is missing of it or contradicts itself."""

    span: Span
    run: AgentRun | None
    issues: tuple[Issue, ...]

    @property
    def contradictions(self) -> Iterator[Diagnostic]:
        """The issues, with the span in their paths, for whoever has many runs."""
        span = self.span
        for issue in self.issues:
            within = attrs.evolve(issue, path=f"{span.trace_id}/{span.span_id}.{issue.path}")
            yield Diagnostic(scope="executable", owner_span_id=span.span_id, issue=within)


def read_run(sent: SentSpan) -> ReadRun:
    """The run whose span this is."""
    span = sent.span
    reading = Reading(span)
    if not is_known(span):
        reading.report("unsupported_contract", "junjo.telemetry.contract_version", "The version is not known here")
        return ReadRun(span, None, tuple(reading.issues))
    run = _run(sent, reading)
    _compare(run, reading)
    return ReadRun(span, None if reading.issues else run, tuple(reading.issues))


def _run(sent: SentSpan, reading: Reading) -> AgentRun:
    span = reading.span
    return AgentRun(
        trace_id=span.trace_id,
        agent_span_id=span.span_id,
        service=sent.service,
        agent_key=reading.text("junjo.agent.key"),
        agent_name=reading.text("junjo.agent.name"),
        structural_id=reading.text("junjo.executable_structural_id"),
        definition_id=reading.text("junjo.executable_definition_id"),
        runtime_id=reading.text("junjo.executable_runtime_id"),
        start_time_unix_nano=span.start_time_unix_nano,
        end_time_unix_nano=span.end_time_unix_nano or span.start_time_unix_nano,
        duration_ns=duration_of(span),
        outcome=_outcome(reading),
        termination_reason=reading.text("junjo.agent.termination_reason"),
        limits=_limits(reading),
        counts=_counts(reading),
        usage=_usage(reading),
    )


def _outcome(reading: Reading) -> Outcome:
    text = reading.text("junjo.agent.outcome")
    if text and text not in _OUTCOMES:
        reading.report("invalid_attribute", "junjo.agent.outcome", "It is neither completed, failed nor cancelled")
    return _OUTCOMES.get(text, "failed")


def _limits(reading: Reading) -> Limits:
    return Limits(
        model_requests=reading.count("junjo.agent.limit.model_requests"),
        tool_calls=reading.count("junjo.agent.limit.tool_calls"),
    )


def _counts(reading: Reading) -> Counts:
    return Counts(
        operations=reading.count("junjo.agent.operation.count"),
        model_requests=reading.count("junjo.agent.model_request.count"),
        tool_calls=ToolCallCounts(
            requested=reading.count(f"{_CALLS}.requested_count"),
            admitted=reading.count(f"{_CALLS}.admitted_count"),
            started=reading.count(f"{_CALLS}.started_count"),
            completed=reading.count(f"{_CALLS}.completed_count"),
        ),
    )


def _usage(reading: Reading) -> Usage:
    try:
        usage = orjson.loads(reading.text(_USAGE) or "null")
    except orjson.JSONDecodeError:
        usage = {}
    match usage:
        case {"modelResponses": responses, "fields": dict(fields)} if is_count(responses):
            if all(map(_is_sum, fields.values())):
                return Usage(model_responses=responses, fields={name: UsageSum(**fields[name]) for name in fields})
        case None:
            return _NO_USAGE
    reading.report("invalid_attribute", _USAGE, "It is no sum of what model responses used")
    return _NO_USAGE


def _is_sum(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    match value:
        case {"sum": total, "observations": observations, **others}:
            return is_count(total) and is_count(observations) and not others
    return False


def _compare(run: AgentRun, reading: Reading) -> None:
    """Report what cannot be true together."""
    calls = run.counts.tool_calls
    if run.termination_reason and _OUTCOME_OF_REASON.get(run.termination_reason, "failed") != run.outcome:
        reading.report("contradiction", "junjo.agent.outcome", "The outcome is not that of the termination reason")
    if not calls.requested >= calls.admitted >= calls.started >= calls.completed:
        reading.report("contradiction", _CALLS, "More tool calls came to an end than were begun, or asked for")
    if run.counts.model_requests > run.counts.operations:
        reading.report("contradiction", "junjo.agent.operation.count", "There are more model requests than operations")
    if run.runtime_id != (reading.span.text("junjo.agent.runtime_id") or run.runtime_id):
        reading.report("contradiction", "junjo.agent.runtime_id", "The agent has another id than the executable")

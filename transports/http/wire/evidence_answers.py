"""Answers to junjo's own client, for the OpenAPI document. Tests hold them against what is rendered."""

from datetime import datetime
from typing import Any, Final

import attrs

from actors.span_store.asked.evidence import AgentOutcome
from transports.http.framework.route import described

MOST_NAME: Final = 256  # characters of names and runtime ids, as the client has it
TRACE_ID: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID: Final = "00f067aa0ba902b7"
RUNTIME_ID: Final = "EETsD65tSpRFbvfKroQwn"
_STRUCTURAL_ID: Final = "agent_sha256:c7fb9ba6339983184918de6bbf714e414c42a5cb1486636f7f2b2264fea17fd8"
_TIME: Final = "2026-11-30T07:00:00.123Z"
_SERVICE: Final = {"namespace": "", "name": "shop", "version": None}
_CALLS: Final = {"requested": 1, "admitted": 1, "started": 1, "completed": 1}
_ISSUE: Final = {
    "code": "missing_attribute",
    "path": f"{TRACE_ID}/{SPAN_ID}.junjo.agent.key",
    "message": "The attribute is not there",
}
_DIAGNOSTIC: Final = {"scope": "executable", "owner_span_id": SPAN_ID, "issue": _ISSUE}


@attrs.frozen(kw_only=True)
class AgentServiceAnswer:
    """The service that sent a run."""

    namespace: str = attrs.field(metadata=described("service.namespace; empty where there is none", ""))
    name: str = attrs.field(metadata=described("service.name", "shop"))
    version: str | None = attrs.field(metadata=described("service.version", None))


@attrs.frozen(kw_only=True)
class AgentLimitsAnswer:
    """How much an agent may do."""

    model_requests: int = attrs.field(metadata=described("Requests to its model", 8))
    tool_calls: int = attrs.field(metadata=described("Calls of tools", 32))


@attrs.frozen(kw_only=True)
class AgentToolCallsAnswer:
    """How far tool calls came; each number is at most the one before."""

    requested: int = attrs.field(metadata=described("That the model asked for", 1))
    admitted: int = attrs.field(metadata=described("That were allowed", 1))
    started: int = attrs.field(metadata=described("That began", 1))
    completed: int = attrs.field(metadata=described("That answered", 1))


@attrs.frozen(kw_only=True)
class AgentCountsAnswer:
    """What an agent did."""

    operations: int = attrs.field(metadata=described("Requests and calls together", 3))
    model_requests: int = attrs.field(metadata=described("Requests to its model", 2))
    tool_calls: AgentToolCallsAnswer = attrs.field(metadata=described("Calls of tools", _CALLS))


@attrs.frozen(kw_only=True)
class AgentUsageAnswer:
    """Tokens of a run."""

    model_responses: int = attrs.field(metadata=described("Answers of the model, with and without tokens", 2))
    fields: dict[str, Any] = attrs.field(
        metadata=described(
            "Sums by inputTokens, outputTokens, cachedInputTokens, reasoningTokens and totalTokens, and of how many "
            "answers; what none said is not there",
            {"inputTokens": {"sum": 140, "observations": 2}},
        )
    )


@attrs.frozen(kw_only=True)
class AgentRunAnswer:
    """A run of an agent, in short."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", TRACE_ID))
    agent_span_id: str = attrs.field(metadata=described("16 lower-case hex digits", SPAN_ID))
    service: AgentServiceAnswer = attrs.field(metadata=described("Who sent it", _SERVICE))
    agent_key: str = attrs.field(metadata=described("What the application calls the agent", "support"))
    agent_name: str = attrs.field(metadata=described("What people call it", "Support agent"))
    structural_id: str = attrs.field(metadata=described("The same for the same definition", _STRUCTURAL_ID))
    definition_id: str = attrs.field(metadata=described("Of the definition in its process", "rXcdz6aNAC19OUmKtCRnt"))
    runtime_id: str = attrs.field(metadata=described("Of this run", RUNTIME_ID))
    start_time: datetime = attrs.field(metadata=described("UTC, six decimals and +00:00", _TIME))
    end_time: datetime = attrs.field(metadata=described("UTC, six decimals and +00:00", "2026-11-30T07:00:02.000Z"))
    duration_ns: int = attrs.field(metadata=described("Nanoseconds from start to end", 1_877_000_000))
    outcome: AgentOutcome = attrs.field(metadata=described("How it ended", "completed"))
    termination_reason: str = attrs.field(metadata=described("Why it ended", "final_output"))
    limits: AgentLimitsAnswer = attrs.field(
        metadata=described("How much it may do", {"model_requests": 8, "tool_calls": 32})
    )
    counts: AgentCountsAnswer = attrs.field(
        metadata=described("What it did", {"operations": 3, "model_requests": 2, "tool_calls": _CALLS})
    )
    usage: AgentUsageAnswer = attrs.field(
        metadata=described("Tokens", {"model_responses": 2, "fields": {"inputTokens": {"sum": 140, "observations": 2}}})
    )


@attrs.frozen(kw_only=True)
class EvidenceIssueAnswer:
    """Something that is wrong with what was sent."""

    code: str = attrs.field(metadata=described("For programs", _ISSUE["code"]))
    path: str = attrs.field(metadata=described("Trace and span, then the attribute", _ISSUE["path"]))
    message: str = attrs.field(metadata=described("For people", _ISSUE["message"]))


@attrs.frozen(kw_only=True)
class ContradictionAnswer:
    """Spans of agents cannot be shown as runs."""

    code: str = attrs.field(metadata=described("What is wrong, for programs", "unidentifiable_agent"))
    message: str = attrs.field(
        metadata=described("What is wrong, for people", "1 runs lack or contradict what every run says")
    )
    diagnostics: list[EvidenceIssueAnswer] = attrs.field(metadata=described("What is wrong with which", [_ISSUE]))


@attrs.frozen(kw_only=True)
class EvidenceAnswer:
    """All spans of a trace, and what they prove of junjo's workflows and agents in it."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", TRACE_ID))
    spans: list[dict[str, Any]] = attrs.field(
        metadata=described(
            "Oldest first, each with all of its attributes",
            [{"trace_id": TRACE_ID, "span_id": SPAN_ID, "name": "chat"}],
        )
    )
    executables_by_span_id: dict[str, Any] = attrs.field(
        metadata=described(
            "Workflows, subflows, nodes and agents, each with its stores and its integrity",
            {SPAN_ID: {"executable_type": "node", "owner_span_id": SPAN_ID, "name": "First"}},
        )
    )
    operations_by_owner_runtime_id: dict[str, Any] = attrs.field(
        metadata=described(
            "Model requests and tool calls of each agent, by their spans and in their order",
            {RUNTIME_ID: {SPAN_ID: {"operation_type": "model_request", "sequence": 1, "outcome": "completed"}}},
        )
    )
    stores_by_id: dict[str, Any] = attrs.field(
        metadata=described(
            "Transitions of each store in their order, with the states before and after",
            {"BVr5uWKK5KRqJOdf4cvNB": {"store_id": "BVr5uWKK5KRqJOdf4cvNB", "transitions": [{"sequence": 1}]}},
        )
    )
    relationships_by_owner_span_id: dict[str, Any] = attrs.field(
        metadata=described("What started each executable, and what it started", {SPAN_ID: {"parent": None}})
    )
    diagnostics: list[dict[str, Any]] = attrs.field(
        metadata=described("What is missing, contradicts itself or is not known", [_DIAGNOSTIC])
    )

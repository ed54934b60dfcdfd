"""What the spans of a trace prove of the workflows and agents in it, in the form of junjo's own studio client.

Members have the names that they have on the wire, but for times: ``start_time_unix_nano`` is a ``start_time`` there.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from actors.workflows.losses import LossKind

JsonText: TypeAlias = bytes  # compact or not, and valid
Mode: TypeAlias = Literal["full", "redacted", "excluded", "reference", "missing"]
Outcome: TypeAlias = Literal["completed", "failed", "cancelled"]
Role: TypeAlias = Literal["application", "runtime"]
Reconstruction: TypeAlias = Literal["verified", "policy_unavailable", "failed", "not_applicable"]
Admission: TypeAlias = Literal["admitted", "not_admitted", "unknown"]

Code: TypeAlias = Literal[
    "unsupported_contract",
    "missing_attribute",
    "invalid_attribute",
    "contradiction",
    "missing_payload",
    "invalid_payload",
    "missing_operations",
    "operation_sequence",
    "missing_owner",
    "missing_parent",
    "invalid_transition",
    "states_left_out",
]


@attrs.frozen(kw_only=True)
class Issue:
    """Something that is wrong with the evidence: a word for programs, where it is, and a sentence.

    Issues of stores have the words of what is lost of a run.
    """

    code: Code | LossKind
    path: str
    message: str


@attrs.frozen(kw_only=True)
class LossCounts:
    """How much the sender says that it dropped."""

    resource_dropped_attributes: int = 0
    span_dropped_attributes: int = 0
    span_dropped_events: int = 0
    span_dropped_links: int = 0
    event_dropped_attributes: int = 0


@attrs.frozen(kw_only=True)
class Integrity:
    """Whether everything is there that should be. It is partial with any issue, and where anything was dropped."""

    status: Literal["complete", "partial"]
    diagnostics: tuple[Issue, ...]
    loss_counts: LossCounts


@attrs.frozen(kw_only=True)
class Payload:
    """A value as its sender let it be seen: whole, changed, left out, or named by a reference. Else it is missing.

    ``value`` is there of the first two only.
    """

    mode: Mode
    policy: str | None = None
    value: JsonText | None = attrs.field(default=None, repr=False)
    reference: str | None = None
    reason: str | None = None


@attrs.frozen(kw_only=True)
class Candidate:
    """A value before it was validated, or why there is none."""

    available: bool
    payload: Payload | None
    unavailable_reason: str | None


@attrs.frozen(kw_only=True)
class ExecutionError:
    """Why something failed."""

    type: str
    message: str | None
    stacktrace: str | None


@attrs.frozen(kw_only=True)
class Cancellation:
    """Why something was cancelled."""

    reason: str


@attrs.frozen(kw_only=True)
class Service:
    """The service that sent a span. A namespace that is not named is empty."""

    namespace: str
    name: str
    version: str | None


@attrs.frozen(kw_only=True)
class Limits:
    """How much an agent may do."""

    model_requests: int
    tool_calls: int


@attrs.frozen(kw_only=True)
class ToolCallCounts:
    """How far tool calls came; each number is at most the one before."""

    requested: int
    admitted: int
    started: int
    completed: int


@attrs.frozen(kw_only=True)
class Counts:
    """What an agent did."""

    operations: int
    model_requests: int
    tool_calls: ToolCallCounts


@attrs.frozen(kw_only=True)
class UsageSum:
    """Tokens of one kind, and how many answers said so: 0 is a number that was said."""

    sum: int
    observations: int


@attrs.frozen(kw_only=True)
class Usage:
    """Tokens by junjo's names of their kinds, such as ``inputTokens``; what no answer said is not there."""

    model_responses: int
    fields: Mapping[str, UsageSum]


@attrs.frozen(kw_only=True)
class AgentRun:
    """A run of an agent, in short."""

    trace_id: str
    agent_span_id: str
    service: Service
    agent_key: str
    agent_name: str
    structural_id: str
    definition_id: str
    runtime_id: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    duration_ns: int
    outcome: Outcome
    termination_reason: str
    limits: Limits
    counts: Counts
    usage: Usage


@attrs.frozen(kw_only=True)
class Boundary:
    """The part of a store's history that one execution saw: transitions behind ``sequence_start`` to ``sequence_end``.

    ``reconstructable_claimed`` is the sender's word, ``reconstruction_status`` is what was found here.
    """

    available: bool
    store_id: str | None = None
    sequence_start: int | None = None
    sequence_end: int | None = None
    revision_start: int | None = None
    revision_end: int | None = None
    transition_count: int = 0
    reconstructable_claimed: bool = False
    reconstructable: bool = False
    reconstruction_status: Reconstruction = "not_applicable"
    reconstruction_reason: str | None = None
    start: Payload | None = None
    end: Payload | None = None


@attrs.frozen(kw_only=True)
class Transition:
    """One change of a store. States before and after are there where an execution that saw it was rebuilt."""

    sequence: int
    revision_before: int
    revision_after: int
    span_id: str
    event_id: str
    action: str
    patch: Payload
    before: JsonText | None = attrs.field(default=None, repr=False)
    after: JsonText | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class StoreLog:
    """The changes of a store in their order, whoever made them."""

    store_id: str
    transitions: tuple[Transition, ...]


@attrs.frozen(kw_only=True)
class Flow:
    """A workflow, a subflow, a node or a group of concurrent nodes that ran."""

    executable_type: str  # workflow, subflow, node or run_concurrent
    owner_span_id: str
    name: str
    definition_id: str | None
    runtime_id: str | None
    structural_id: str | None
    stores: Mapping[Role, Boundary]
    integrity: Integrity


@attrs.frozen(kw_only=True)
class AgentExecution:
    """An agent that ran. Its operations and stores stand by themselves."""

    executable_type: Literal["agent"] = "agent"
    owner_span_id: str
    runtime_id: str
    stores: Mapping[Role, Boundary]
    summary: AgentRun
    definition: Payload
    input: Payload | None
    output: Payload | None
    input_candidate: Candidate | None
    history_candidate: Candidate | None
    error: ExecutionError | None
    cancellation: Cancellation | None
    integrity: Integrity


Executable: TypeAlias = Flow | AgentExecution


@attrs.frozen(kw_only=True)
class ModelUsage:
    """Tokens of one answer; null for what it does not say."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    reasoning_tokens: int | None
    total_tokens: int | None


@attrs.frozen(kw_only=True)
class RequestedToolCall:
    """A tool call that a model asked for, and what became of it."""

    call_id: str
    ordinal: int
    tool_name: str
    observed_tool_operation: bool
    admission: Admission
    reason: str | None


@attrs.frozen(kw_only=True)
class ModelOperation:
    """A request of an agent to its model."""

    operation_type: Literal["model_request"] = "model_request"
    sequence: int
    span_id: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    duration_ns: int
    ordinal: int
    state_revision: int
    driver_key: str
    provider: str
    model_name: str
    request: Payload
    response_candidate: Candidate
    response_type: str | None
    response: Payload | None
    usage: ModelUsage | None
    requested_tool_calls: tuple[RequestedToolCall, ...]
    outcome: Outcome
    error: ExecutionError | None
    cancellation: Cancellation | None


@attrs.frozen(kw_only=True)
class ToolOperation:
    """A call of a tool by an agent."""

    operation_type: Literal["tool"] = "tool"
    sequence: int
    span_id: str
    start_time_unix_nano: int
    end_time_unix_nano: int
    duration_ns: int
    call_id: str
    ordinal: int
    tool_name: str
    tool_structural_id: str
    state_revision_before: int
    state_revision_after: int | None
    requested_arguments: Payload
    arguments: Payload | None
    result_candidate: Candidate
    result: Payload | None
    outcome: Outcome
    error: ExecutionError | None
    cancellation: Cancellation | None


Operation: TypeAlias = ModelOperation | ToolOperation


@attrs.frozen(kw_only=True)
class Parent:
    """The executable that started another one, and the span that is right above it."""

    executable_type: str
    trace_id: str
    physical_parent_span_id: str
    span_id: str
    service: Service
    definition_id: str
    runtime_id: str
    structural_id: str
    name: str


@attrs.frozen(kw_only=True)
class Nested:
    """An executable that another one started; by which of its operations, if by one."""

    executable_type: str
    parent_operation_sequence: int | None
    parent_operation_span_id: str | None
    trace_id: str
    span_id: str
    service: Service
    definition_id: str
    runtime_id: str
    structural_id: str
    name: str


@attrs.frozen(kw_only=True)
class Relationships:
    """What started an executable, and what it started, oldest first."""

    parent: Parent | None
    nested: tuple[Nested, ...]


@attrs.frozen(kw_only=True)
class Diagnostic:
    """An issue of the trace, or of one executable in it."""

    scope: Literal["trace", "executable"]
    owner_span_id: str | None
    issue: Issue


@attrs.frozen(kw_only=True)
class Evidence:
    """What the spans of a trace prove.

    Operations are in their order, by the runtime id of their agent and their span.
    """

    executables_by_span_id: Mapping[str, Executable]
    operations_by_owner_runtime_id: Mapping[str, Mapping[str, Operation]]
    stores_by_id: Mapping[str, StoreLog]
    relationships_by_owner_span_id: Mapping[str, Relationships]
    diagnostics: tuple[Diagnostic, ...]

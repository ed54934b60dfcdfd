"""What junjo's own client asks: where an execution is, what a trace proves, and which agents ran."""

from enum import Enum

import attrs

from actors.runtime.messages import Request
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import Cursor
from actors.workflows.evidence.form import AgentRun, Diagnostic, Evidence

MOST_MATCHES = 1000  # that are counted of one identity, which should have one

# Of the spans of a trace, as they are stored. The client reads as much of an answer.
MOST_EVIDENCE_BYTES = 32 * 1024 * 1024


class ExecutableType(Enum):
    """What may be looked for by its runtime id."""

    WORKFLOW = "workflow"
    SUBFLOW = "subflow"
    AGENT = "agent"


@attrs.frozen(kw_only=True)
class ExecutionPlace:
    """The span of an execution."""

    trace_id: str
    span_id: str


@attrs.frozen(kw_only=True)
class FoundExecutions:
    """How many executions have one identity, ``MOST_MATCHES`` at most, and where the latest one is."""

    count: int
    latest: ExecutionPlace | None


@attrs.frozen(kw_only=True)
class FindExecution(Request[FoundExecutions]):
    """The execution of this type and runtime id in a service. An empty namespace is that of services without one.

    The runtime id is ``junjo.executable_runtime_id``, of junjo up to 0.62 ``junjo.id``.
    """

    service_namespace: str
    service_name: str
    type: ExecutableType
    runtime_id: str


@attrs.frozen(kw_only=True)
class TraceEvidence:
    """All spans of a trace, oldest first, and what they prove of the workflows and agents in it."""

    trace_id: str
    spans: tuple[StoredSpan, ...] = attrs.field(repr=False)
    proved: Evidence = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class GetTraceEvidence(Request[TraceEvidence]):
    """The evidence of a trace. ``NotFound`` without any span.

    ``TooLarge`` when they take more than ``MOST_EVIDENCE_BYTES``, ``NeedsRoom`` when more than ``room``;
    ``DeadlineExceeded`` when their stores take too long to be rebuilt.
    """

    trace_id: str
    room: int | None = None


class AgentOutcome(Enum):
    """How a run of an agent ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class AgentRunPage:
    """Runs of agents, newest start first, and where the next page begins (``None`` at the end).

    A page may have fewer runs than were asked for, or none, and not be the last. ``contradictions`` are of spans of
    agents that cannot be shown as runs; such runs are not among these.
    """

    runs: tuple[AgentRun, ...]
    contradictions: tuple[Diagnostic, ...]
    next: Cursor | None


@attrs.frozen(kw_only=True)
class ListAgentRuns(Request[AgentRunPage]):
    """Runs of agents in a service, of junjo since the version of its telemetry that is known here.

    An empty namespace is that of services without one. Times bound the start: from (included) to (excluded).
    """

    service_namespace: str
    service_name: str
    agent_key: str | None = None
    structural_id: str | None = None
    service_version: str | None = None
    outcome: AgentOutcome | None = None
    from_time_unix_nano: int | None = None
    to_time_unix_nano: int | None = None
    limit: int = 100
    after: Cursor | None = None

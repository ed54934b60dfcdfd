"""What junjo's own client asks: where an execution is."""

from enum import Enum

import attrs

from actors.runtime.messages import Request

MOST_MATCHES = 1000  # that are counted of one identity, which should have one


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

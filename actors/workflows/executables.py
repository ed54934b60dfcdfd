"""What runs: workflows, subflows, nodes and agents, and the operations of agents, each read from its span.

Up to 0.62 junjo gave a run one id. Since 0.63 it has one for the execution, one for the object that is executed, and
one for its structure, which is the same in every process.
"""

from enum import StrEnum
from typing import Final

import attrs

from actors.workflows.span import Span
from actors.workflows.stores import StoreRecord, agent_store, application_store, workflow_store

_TYPE: Final = "junjo.span_type"
_OPERATION: Final = "junjo.agent.operation_type"


class Kind(StrEnum):
    """What an executable is, as ``junjo.span_type`` says it."""

    WORKFLOW = "workflow"
    SUBFLOW = "subflow"
    AGENT = "agent"
    NODE = "node"
    RUN_CONCURRENT = "run_concurrent"


RUNS: Final = frozenset((Kind.WORKFLOW, Kind.SUBFLOW, Kind.AGENT))


class OperationKind(StrEnum):
    """What an agent does, as ``junjo.agent.operation_type`` says it."""

    MODEL_REQUEST = "model_request"
    TOOL = "tool"


@attrs.frozen(kw_only=True)
class Executable:
    """One execution. Runs, which are workflows, subflows and agents, have a store."""

    kind: Kind
    span: Span
    name: str
    runtime_id: str | None
    definition_id: str | None
    structural_id: str | None
    graph_structural_id: str | None  # of the graph that it is in
    parent_runtime_id: str | None
    parent_definition_id: str | None
    parent_structural_id: str | None
    parent_kind: str | None
    contract_version: int | None  # None up to junjo 0.63
    node_id: str | None  # how graphs name it
    store: StoreRecord | None
    application_store: StoreRecord | None
    parent_store_id: str | None

    @property
    def is_run(self) -> bool:
        return self.kind in RUNS


@attrs.frozen(kw_only=True)
class Operation:
    """A model request or a tool call of an agent."""

    kind: OperationKind
    span: Span
    agent_runtime_id: str | None
    sequence: int | None  # of all operations of the agent's run, from 1
    ordinal: int | None  # of those of its kind
    name: str  # of the tool, or of the model


def executable_in(span: Span) -> Executable | None:
    """The executable whose span this is."""
    try:
        kind = Kind(span.text(_TYPE) or "")
    except ValueError:
        return None
    runtime_id = span.text("junjo.executable_runtime_id") or span.text("junjo.id")
    definition_id = span.text("junjo.executable_definition_id")
    return Executable(
        kind=kind,
        span=span,
        name=(span.text("junjo.agent.name") if kind is Kind.AGENT else None) or span.name,
        runtime_id=runtime_id,
        definition_id=definition_id,
        structural_id=span.text("junjo.executable_structural_id"),
        graph_structural_id=span.text("junjo.enclosing_graph_structural_id"),
        parent_runtime_id=span.text("junjo.parent_executable_runtime_id") or span.text("junjo.parent_id"),
        parent_definition_id=span.text("junjo.parent_executable_definition_id"),
        parent_structural_id=span.text("junjo.parent_executable_structural_id"),
        parent_kind=span.text("junjo.parent_executable_type"),
        contract_version=span.number("junjo.telemetry.contract_version"),
        node_id=(definition_id if kind is Kind.SUBFLOW else None) or runtime_id,
        store=_store_of(kind, span),
        application_store=application_store(span) if kind is Kind.AGENT else None,
        parent_store_id=span.text("junjo.workflow.parent_store.id"),
    )


def _store_of(kind: Kind, span: Span) -> StoreRecord | None:
    match kind:
        case Kind.WORKFLOW | Kind.SUBFLOW:
            return workflow_store(span)
        case Kind.AGENT:
            return agent_store(span)
        case _:
            return None


def operation_in(span: Span) -> Operation | None:
    """The operation whose span this is."""
    try:
        kind = OperationKind(span.text(_OPERATION) or "")
    except ValueError:
        return None
    is_tool = kind is OperationKind.TOOL
    return Operation(
        kind=kind,
        span=span,
        agent_runtime_id=span.text("junjo.agent.runtime_id"),
        sequence=span.number("junjo.agent.operation.sequence"),
        ordinal=span.number("junjo.agent.tool_call.ordinal" if is_tool else "junjo.agent.model_request.ordinal"),
        name=span.text("junjo.agent.tool.name" if is_tool else "junjo.agent.model.name") or span.name,
    )

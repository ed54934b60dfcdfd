"""Who started whom, as the executables say it themselves."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from actors.workflows.evidence.form import Issue, Nested, Parent, Relationships, Service
from actors.workflows.executables import Executable, Operation
from actors.workflows.trace import TraceRuns


@attrs.frozen
class Related:
    """The relationships of an executable, and what is wrong with them."""

    relationships: Relationships
    issues: tuple[Issue, ...]


def relations(
    runs: TraceRuns, executables: Mapping[str, Executable], service_of: Callable[[str], Service]
) -> dict[str, Related]:
    """Those of all executables, by span. ``service_of`` says it of a span id."""
    by_runtime_id = {each.runtime_id: each for each in executables.values() if each.runtime_id}
    nearest = runs.nearest(runs.operations.keys() | runs.executables.keys())
    nested: dict[str, list[Nested]] = {}
    parents: dict[str, Parent | None] = {}
    for span_id, executable in executables.items():
        above = by_runtime_id.get(executable.parent_runtime_id or "")
        parents[span_id] = None
        if above is not None and above is not executable and _fits(executable, above):
            parents[span_id] = _parent(executable, above, service_of)
            operation = _operation_above(runs, executable, above, nearest)
            nested.setdefault(above.span.span_id, []).append(_nested(executable, operation, service_of))
    return {
        span_id: _related(executable, parents[span_id], nested.get(span_id, ()))
        for span_id, executable in executables.items()
    }


def _related(executable: Executable, parent: Parent | None, nested: Sequence[Nested]) -> Related:
    issues = tuple(_issues(executable, parent))
    return Related(Relationships(parent=parent, nested=tuple(nested)), issues)


def _fits(executable: Executable, above: Executable) -> bool:
    """Whether the parent is what the executable says that it is."""
    return executable.parent_kind in (None, above.kind.value)


def _issues(executable: Executable, parent: Parent | None) -> Iterator[Issue]:
    if executable.parent_runtime_id is not None and parent is None:
        yield Issue(
            code="missing_parent",
            path="junjo.parent_executable_runtime_id",
            message="The executable that started this one is not in the trace",
        )


def _parent(executable: Executable, above: Executable, service_of: Callable[[str], Service]) -> Parent:
    span = above.span
    return Parent(
        executable_type=above.kind.value,
        trace_id=span.trace_id,
        physical_parent_span_id=executable.span.parent_span_id or span.span_id,
        span_id=span.span_id,
        service=service_of(span.span_id),
        definition_id=above.definition_id or "",
        runtime_id=above.runtime_id or "",
        structural_id=above.structural_id or "",
        name=above.name,
    )


def _nested(executable: Executable, operation: Operation | None, service_of: Callable[[str], Service]) -> Nested:
    span = executable.span
    return Nested(
        executable_type=executable.kind.value,
        parent_operation_sequence=None if operation is None else operation.sequence,
        parent_operation_span_id=None if operation is None else operation.span.span_id,
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=service_of(span.span_id),
        definition_id=executable.definition_id or "",
        runtime_id=executable.runtime_id or "",
        structural_id=executable.structural_id or "",
        name=executable.name,
    )


def _operation_above(
    runs: TraceRuns, executable: Executable, above: Executable, nearest: Mapping[str, str]
) -> Operation | None:
    """The operation of the parent that is right above the executable, with none but plain spans between."""
    operation = runs.operations.get(nearest.get(executable.span.parent_span_id or "", ""))
    return operation if operation is not None and operation.agent_runtime_id == above.runtime_id else None

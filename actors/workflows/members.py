"""Which node of a run a span is in."""

from collections.abc import Iterable

from actors.workflows.executables import Executable, Kind
from actors.workflows.nodes import label_of
from actors.workflows.trace import TraceRuns


def member_of(runs: TraceRuns, run: Executable) -> dict[str, str]:
    """Of all spans in a run, the innermost of its own nodes or operations that each is in, by their span ids.

    Spans in none of them are left out. What is in a subflow is in the node that the subflow is.
    """
    some = runs.operations_of(run) if run.kind is Kind.AGENT else runs.members(run)
    return runs.nearest({each.span.span_id for each in some})


def node_names(runs: TraceRuns, run: Executable, span_ids: Iterable[str]) -> dict[str, str]:
    """Labels of what some spans in a run are in: the innermost node, also of a subflow."""
    names = {span_id: each.name for span_id, each in runs.executables.items()}
    names |= {span_id: label_of(each) for span_id, each in runs.operations.items()}
    nearest = runs.nearest(names, below=run.span.span_id)
    return {span_id: names[nearest[span_id]] for span_id in span_ids if span_id in nearest}

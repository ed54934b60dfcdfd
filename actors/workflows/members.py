"""Which node of a run a span is in."""

from actors.workflows.executables import Executable, Kind
from actors.workflows.nodes import label_of
from actors.workflows.trace import TraceRuns


def member_of(runs: TraceRuns, run: Executable) -> dict[str, str]:
    """Of all spans in a run, the innermost of its own nodes or operations that each is in, by their span ids.

    Spans in none of them are left out. What is in a subflow is in the node that the subflow is.
    """
    agent = run.kind is Kind.AGENT
    some = [each.span.span_id for each in (runs.operations_of(run) if agent else runs.members(run))]
    return _spread(runs, dict(zip(some, some, strict=True)))


def node_names(runs: TraceRuns, run: Executable) -> dict[str, str]:
    """Labels of what each span in a run is in: its innermost node, also of a subflow."""
    names = {each.span.span_id: each.name for each in runs.executables.values() if each is not run}
    names |= {each.span.span_id: label_of(each) for each in runs.operations.values()}
    return _spread(runs, names, below=run.span.span_id)


def _spread(runs: TraceRuns, known: dict[str, str], below: str | None = None) -> dict[str, str]:
    """Give each span what is known of it, or of the nearest above it. ``below`` leaves out what is not below a span."""
    found: dict[str, str | None] = {}
    for span_id in runs.spans:
        chain = runs.chain(span_id, found)
        value = found.get(chain[-1])
        for each in reversed(chain):
            value = found[each] = None if each == below else known.get(each, value)
    return {span_id: value for span_id, value in found.items() if value is not None}

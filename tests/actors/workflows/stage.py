"""What tests of runs share: the runs of recordings, and spans that are made."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from actors.span_store.columns.rows import span_rows
from actors.span_store.traces.run_spans import run_spans
from actors.workflows.runs import FoldedRun, folded_run
from actors.workflows.span import Span
from actors.workflows.trace import TraceRuns
from transports.otlp.decode import decode_trace_request

RECORDINGS = Path(__file__).parents[2] / "recordings"
TRACE, STORE = "0a" * 16, "store"


@cache
def recorded(file: str) -> tuple[Span, ...]:
    """The spans of a recording."""
    request = decode_trace_request((RECORDINGS / file).read_bytes())
    return tuple(run_spans(pa.Table.from_batches([span_rows(request.spans).batch])))


def recorded_run(file: str, name: str) -> FoldedRun:
    """The run with this name, with the spans of its trace."""
    [span] = [span for span in recorded(file) if span.name == name]
    return run_in(span, recorded(file))


def run_in(span: Span, spans: Sequence[Span]) -> FoldedRun:
    """The run of a span among others."""
    return folded_run(TraceRuns.of(each for each in spans if each.trace_id == span.trace_id), span.span_id, waits)


def waits() -> None:
    """Nobody ends the work."""


def node_states(run: FoldedRun) -> dict[str, str]:
    """The status of each node by its label."""
    return {node.label: node.status for node in run.run.nodes}


def made(number: int, parent: int | None = None, **more: Any) -> Span:
    """A span that runs from its number to 1000."""
    given: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": f"{number:016x}",
        "parent_span_id": None if parent is None else f"{parent:016x}",
        "service": "tests",
        "name": f"span {number}",
        "start_time_unix_nano": number,
        "end_time_unix_nano": 1000,
        "status": "unset",
        "status_message": "",
        "attributes": {},
    }
    return Span(**given | more)


def workflow(start: object, end: object, patches: Sequence[object], **attributes: object) -> FoldedRun:
    """A run that made these patches, one after the other."""
    span = workflow_span(start, end, patches, **attributes)
    return run_in(span, [span])


def workflow_span(start: object, end: object, patches: Sequence[object], **attributes: object) -> Span:
    last = len(patches)
    told: Mapping[str, object] = {
        "junjo.span_type": "workflow",
        "junjo.workflow.store.id": STORE,
        "junjo.workflow.state.start": _text(start),
        "junjo.workflow.state.end": _text(end),
        "junjo.store.transition.start": 0,
        "junjo.store.transition.end": last,
        "junjo.store.transition.count": last,
        "junjo.store.revision.start": 0,
        "junjo.store.revision.end": last,
        **{name.replace("__", "."): value for name, value in attributes.items()},
    }
    return made(1, attributes=told, events=[transition(step, patch) for step, patch in enumerate(patches, 1)])


def transition(step: int, patch: object, **more: object) -> dict[str, Any]:
    """The event of a step, as junjo sends it."""
    told = {
        "junjo.store.id": STORE,
        "junjo.store.name": "Store",
        "junjo.store.action": f"act_{step}",
        "junjo.store.transition.sequence": step,
        "junjo.store.revision.before": step - 1,
        "junjo.store.revision.after": step,
        "junjo.state_json_patch": _text(patch),
        "junjo.state_json_patch.mode": "full",
    }
    return {"name": "set_state", "timeUnixNano": 100 + step, "attributes": told | more}


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()

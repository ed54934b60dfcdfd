"""Whatever a program sends under junjo's names is read, answered or not found, and nothing breaks."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import NotFound
from actors.workflows.comparing import first_difference, pairs_of, patches_of
from actors.workflows.runs import FoldedRun
from actors.workflows.span import Span
from tests.actors.workflows.stage import STORE, made, run_in, waits
from transports.http.wire.run_json import render_blame, render_difference, render_run, render_state, render_steps

pytestmark = pytest.mark.unit

NAMES = ("a", "b", "run", STORE)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.sampled_from(NAMES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("a", "b", "n", "/~")), inner, max_size=3)
    ),
    max_leaves=6,
)
POINTERS = st.sampled_from(("", "/", "/a", "/b", "/n", "/a/0", "/a/-", "/a/b", "/b/1", "/~1~0", "a", "/~2", None, 5))
OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(("add", "remove", "replace", "move", "copy", "test", "append", None))},
    optional={"path": POINTERS, "from": POINTERS, "value": VALUES},
)
TEXTS = st.one_of(
    VALUES.map(lambda value: orjson.dumps(value).decode()),
    st.lists(OPERATION, max_size=3).map(lambda patch: orjson.dumps(patch).decode()),
    st.sampled_from(("", "{", "[")),
)
GRAPH_ID = st.sampled_from((*NAMES, None, 3))
GRAPHS = st.fixed_dictionaries(
    {
        "nodes": st.lists(
            st.fixed_dictionaries(
                {"id": GRAPH_ID, "nodeRuntimeId": GRAPH_ID},
                optional={"isSubflow": st.booleans(), "subflowSourceId": GRAPH_ID, "children": st.lists(GRAPH_ID)},
            ),
            max_size=4,
        ),
        "edges": st.lists(
            st.fixed_dictionaries({"source": GRAPH_ID, "target": GRAPH_ID}, optional={"subflowId": GRAPH_ID}),
            max_size=4,
        ),
    }
).map(lambda graph: orjson.dumps(graph).decode())
ODD = VALUES | TEXTS
ATTRIBUTES = st.fixed_dictionaries(
    {"junjo.span_type": st.sampled_from(("workflow", "subflow", "agent", "node", "run_concurrent", "", 7))},
    optional={
        **{
            key: st.sampled_from(NAMES) | ODD
            for key in (
                *("junjo.id", "junjo.parent_id", "junjo.executable_runtime_id", "junjo.parent_executable_runtime_id"),
                *("junjo.executable_definition_id", "junjo.workflow.store.id", "junjo.agent.store.id"),
                *("junjo.agent.runtime_id", "junjo.agent.operation_type"),
            )
        },
        "junjo.workflow.graph_structure": GRAPHS | ODD,
        "junjo.workflow.execution_graph_snapshot": GRAPHS | ODD,
        "junjo.agent.operation_type": st.sampled_from(("tool", "model_request")) | ODD,
        **{
            f"junjo.{kind}.state.{end}{companion}": ODD
            for kind in ("workflow", "agent")
            for end in ("start", "end")
            for companion in ("", ".mode")
        },
        **{
            f"junjo.store.{what}": ODD
            for what in ("transition.start", "transition.end", "transition.count", "revision.end")
        },
        "junjo.cancelled": ODD,
        "junjo.cancelled_reason": ODD,
        "junjo.telemetry.contract_version": ODD,
    },
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(("set_state", "exception")),
            "timeUnixNano": st.integers(0, 2000),
            "attributes": st.fixed_dictionaries(
                {"junjo.store.id": st.just(STORE) | ODD, "junjo.state_json_patch": TEXTS | ODD},
                optional={
                    "junjo.store.transition.sequence": st.integers(0, 4) | ODD,
                    "junjo.store.revision.before": st.integers(0, 4) | ODD,
                    "junjo.store.revision.after": ODD,
                    "junjo.state_json_patch.mode": st.sampled_from(("full", "redacted")) | ODD,
                    "junjo.store.action": ODD,
                },
            ),
        }
    ),
    max_size=4,
)


@st.composite
def traces(draw: st.DrawFn) -> list[Span]:
    parents = st.none() | st.integers(1, 5)
    return [
        made(
            number,
            draw(parents),
            attributes=draw(ATTRIBUTES),
            events=draw(EVENTS),
            end_time_unix_nano=draw(st.sampled_from((None, 0, 1000))),
            status=draw(st.sampled_from(("unset", "error"))),
        )
        for number in range(1, draw(st.integers(2, 6)))
    ]


@settings(max_examples=60, deadline=None)
@given(traces())
def test_any_trace_is_read(spans: list[Span]) -> None:
    runs = [run for span in spans if (run := found_in(span, spans))]
    for run in runs:
        for text in answers_of(run):
            orjson.loads(text)
    for one, other in pairwise(runs):
        assert len(pairs_of(one, other)) >= max(len(one.executed), len(other.executed))
        first_difference(one, other, waits)


def found_in(span: Span, spans: list[Span]) -> FoldedRun | None:
    try:
        return run_in(span, spans)
    except NotFound:
        return None


def answers_of(run: FoldedRun) -> list[bytes]:
    last = run.run.steps
    found = [render_run(run.run), render_steps(run.steps), orjson.dumps(patches_of(run))]
    found += [render_state(run.state(step, waits)) for step in range(last + 1)]
    if run.fold.has_states:
        found += [render_difference(run.difference(0, last, waits))]
    for path in ("", "/a", "/a/0", "/a/-"):
        found += blamed(run, path)
    return found


def blamed(run: FoldedRun, path: str) -> list[Any]:
    try:
        return [render_blame(run.blame(path, waits))]
    except NotFound:
        return []

"""The runs that two generations of junjo recorded."""

import pytest

from actors.workflows.trace import TraceRuns
from tests.actors.workflows.stage import node_states, recorded, recorded_run, waits

pytestmark = pytest.mark.unit

OLD, NEW = "junjo_0.62.0.bin", "junjo_0.69.0.bin"
BOTH = pytest.mark.parametrize("file", [OLD, NEW])
END = {"a": 1, "b": 2, "count": 2, "items": ["laser", "banana", "final"], "joke": "a joke about laser"}


@BOTH
def test_a_workflow_is_whole(file: str) -> None:
    told = recorded_run(file, "Emit Workflow").run
    assert told.integrity.losses == ()
    assert told.integrity.verdict == "complete"
    assert (told.kind, told.steps, told.end) == ("workflow", 7, END)
    assert told.start == {"a": 0, "b": 0, "count": None, "items": [], "joke": None}


@BOTH
def test_each_node_has_its_span_also_in_a_subflow(file: str) -> None:
    run = recorded_run(file, "Emit Workflow")
    assert node_states(run) == {
        "First": "ok",
        "Final": "ok",
        "Count": "ok",
        "Never": "not_run",
        "Concurrent Pair": "ok",
        "IncA": "ok",
        "IncB": "ok",
        "JokeFlow": "ok",
        "MakeJoke": "ok",
        "Tidy": "ok",
    }
    spans = {span.span_id: span.name for span in recorded(file)}
    assert all(node.span_id is None or spans[node.span_id] == node.label for node in run.run.nodes)
    by_id = {node.id: node.label for node in run.run.nodes}
    [pair] = [node for node in run.run.nodes if node.label == "Concurrent Pair"]
    assert [by_id[child] for child in pair.children] == ["IncA", "IncB"]
    assert [node.label for node in run.run.nodes if node.subflow == node.span_id != None] == ["JokeFlow"]  # noqa: E711


@BOTH
def test_edges_tell_which_way_was_taken(file: str) -> None:
    told = recorded_run(file, "Emit Workflow").run
    label = {node.id: node.label for node in told.nodes}
    edges = {(label[edge.tail], label[edge.head]): (edge.condition, edge.taken) for edge in told.edges}
    assert edges == {
        ("First", "Count"): ("HasItems", True),
        ("First", "Never"): (None, False),
        ("Count", "Concurrent Pair"): (None, True),
        ("Concurrent Pair", "JokeFlow"): (None, True),
        ("JokeFlow", "Final"): (None, True),
        ("Never", "Final"): (None, False),
        ("MakeJoke", "Tidy"): (None, True),
    }


@BOTH
def test_a_failed_workflow_says_where(file: str) -> None:
    run = recorded_run(file, "Failing Workflow")
    assert node_states(run) == {"First": "ok", "Boom": "error"}
    [boom] = [node for node in run.run.nodes if node.label == "Boom"]
    assert "deliberate failure" in (boom.error or "")
    assert run.run.integrity.verdict == "complete"


@BOTH
def test_steps_name_node_action_and_paths(file: str) -> None:
    steps = recorded_run(file, "Emit Workflow").steps
    assert [(step.node, step.action, step.paths) for step in steps] == [
        ("First", "add_item", ("/items/0",)),
        ("First", "add_item", ("/items/1",)),
        ("Count", "set_count", ("/count",)),
        ("IncB", "set_b", ("/b",)),
        ("IncA", "set_a", ("/a",)),
        ("JokeFlow", "set_joke", ("/joke",)),
        ("Final", "add_item", ("/items/2",)),
    ]


@BOTH
def test_any_step_has_its_state(file: str) -> None:
    run = recorded_run(file, "Emit Workflow")
    assert run.state(0, waits).state == run.run.start
    assert run.state(4, waits).state == {"a": 0, "b": 2, "count": 2, "items": ["laser", "banana"], "joke": None}
    assert run.state(7, waits).state == END
    assert run.state(4, waits).patch == ({"op": "replace", "path": "/b", "value": 2},)


@BOTH
def test_a_difference_and_who_is_to_blame(file: str) -> None:
    run = recorded_run(file, "Emit Workflow")
    assert sorted(run.difference(0, 3, waits).patch, key=lambda operation: operation["path"]) == [
        {"op": "replace", "path": "/count", "value": 2},
        {"op": "add", "path": "/items/0", "value": "laser"},
        {"op": "add", "path": "/items/1", "value": "banana"},
    ]
    blamed = run.blame("/joke", waits)
    assert (blamed.step, blamed.node, blamed.value) == (6, "JokeFlow", "a joke about laser")
    assert run.blame("", waits).step == 7
    assert run.blame("/items/0", waits).step == 1


@BOTH
def test_a_subflow_is_a_run_of_its_own(file: str) -> None:
    run = recorded_run(file, "JokeFlow")
    assert (run.run.kind, run.run.steps, run.run.integrity.losses) == ("subflow", 3, ())
    assert [step.node for step in run.steps] == [None, "MakeJoke", "Tidy"]


def test_an_agent_has_operations_and_states() -> None:
    run = recorded_run(NEW, "Emit Agent")
    assert (run.run.kind, run.run.graph, run.run.steps, run.run.integrity.losses) == ("agent", None, 8, ())
    assert [(node.type, node.label) for node in run.run.nodes] == [
        ("model_request", "model request 1"),
        ("tool", "weather"),
        ("model_request", "model request 2"),
    ]
    ids = [node.id for node in run.run.nodes]
    assert [(edge.tail, edge.head) for edge in run.run.edges] == [(ids[0], ids[1]), (ids[1], ids[2])]
    assert run.blame("/pending_tool_call_ids", waits).node == "weather"


def test_spans_that_are_no_runs_are_none() -> None:
    runs = TraceRuns.of(recorded(NEW))
    assert {each.kind.value for each in runs.executables.values()} == {
        *("workflow", "subflow", "node", "run_concurrent", "agent")
    }

"""Runs whose spans did not all come, whose graph is missing, or that junjo could not have made."""

from typing import Any

import orjson
import pytest

from actors.errors import NotFound
from actors.workflows.comparing import first_difference, pairs_of
from actors.workflows.form import FirstDifference
from actors.workflows.runs import FoldedRun
from tests.actors.workflows.stage import STORE, made, node_states, run_in, waits, workflow

pytestmark = pytest.mark.unit


def owner(**more: object) -> Any:
    told = {"junjo.span_type": "workflow", "junjo.executable_runtime_id": "run", "junjo.workflow.store.id": STORE}
    return made(1, attributes=told | {name.replace("__", "."): value for name, value in more.items()})


def node(number: int, parent: int | None, name: str, **more: Any) -> Any:
    told = {"junjo.span_type": "node", "junjo.executable_runtime_id": name, "junjo.parent_executable_runtime_id": "run"}
    return made(number, parent, name=name, attributes=told, **more)


def graph(*names: str, edges: list[tuple[str, str]]) -> str:
    document = {
        "v": 1,
        "nodes": [{"id": name, "type": "Node", "label": name} for name in names],
        "edges": [{"id": f"{one}{two}", "source": one, "target": two, "condition": None} for one, two in edges],
    }
    return orjson.dumps(document).decode()


def taken(run: FoldedRun) -> dict[tuple[str, str], bool | None]:
    return {(edge.tail, edge.head): edge.taken for edge in run.run.edges}


def test_without_a_graph_nodes_are_what_ran_one_after_the_other() -> None:
    run = run_in(owner(), [owner(), node(3, 1, "b"), node(2, 1, "a"), node(4, 1, "a")])
    assert run.run.graph is None
    assert [(each.id, each.runs, each.type) for each in run.run.nodes] == [("a", 2, "node"), ("b", 1, "node")]
    assert taken(run) == {("a", "b"): True, ("b", "a"): True}


def test_nodes_whose_parent_did_not_come_are_found_by_its_id() -> None:
    root = owner(junjo__workflow__graph_structure=graph("a", "b", edges=[("a", "b")]))
    run = run_in(root, [root, node(2, 77, "a"), node(3, None, "b")])
    assert node_states(run) == {"a": "ok", "b": "ok"}


def test_where_a_span_is_missing_nobody_knows_which_way_was_taken() -> None:
    root = owner(junjo__workflow__graph_structure=graph("a", "b", "c", edges=[("a", "b"), ("b", "c"), ("a", "d")]))
    run = run_in(root, [root, node(2, 1, "a"), node(4, 1, "c")])
    assert taken(run) == {("a", "b"): None, ("b", "c"): False, ("a", "d"): None}
    assert node_states(run)["b"] == "not_run"


def test_of_two_edges_between_the_same_nodes_nobody_knows_which_was_taken() -> None:
    root = owner(junjo__workflow__graph_structure=graph("a", "b", edges=[("a", "b"), ("a", "b")]))
    run = run_in(root, [root, node(2, 1, "a"), node(3, 1, "b")])
    assert [edge.taken for edge in run.run.edges] == [None, None]


def test_while_a_run_goes_on_its_next_way_is_not_known() -> None:
    told = {"junjo__workflow__graph_structure": graph("a", "b", edges=[("a", "b")])}
    root = made(1, attributes=owner(**told).attributes, end_time_unix_nano=None)
    run = run_in(root, [root, node(2, 1, "a", end_time_unix_nano=None)])
    assert taken(run) == {("a", "b"): None}
    assert node_states(run) == {"a": "running", "b": "not_run"}


@pytest.mark.parametrize(
    "text",
    [
        '{"nodes":[{"id":"a"},{"id":"a"},{"id":5},7,{}],"edges":[{"source":"a"},{"source":"a","target":"a"},1]}',
        '{"nodes":[{"id":"a","children":["a","b",3],"isSubflow":true,"subflowSourceId":"a"}],"edges":[]}',
        '{"nodes":[{"id":"a","children":"a"}],"edges":[{"source":"x","target":"y","subflowId":"a"}]}',
    ],
)
def test_odd_graphs_are_drawn_as_far_as_they_go(text: str) -> None:
    root = owner(junjo__workflow__graph_structure=text)
    run = run_in(root, [root, node(2, 1, "a")])
    assert [each.label for each in run.run.nodes] == ["a"]


def test_subflows_in_a_circle_end() -> None:
    """Each says that it is in the other; both are drawn with the other in them."""
    drawn = '{"nodes":[{"id":"s","isSubflow":true,"subflowSourceId":"s"}],"edges":[]}'
    told = {
        "junjo.span_type": "subflow",
        "junjo.executable_definition_id": "s",
        "junjo.workflow.graph_structure": drawn,
    }
    one, other = made(1, 2, attributes=told), made(2, 1, attributes=told)
    assert run_in(one, [one, other]).run.kind == "subflow"


def test_agents_without_sequence_numbers_go_by_time() -> None:
    agent = made(
        1, attributes={"junjo.span_type": "agent", "junjo.agent.name": "Ada", "junjo.executable_runtime_id": "r"}
    )
    tool = {"junjo.agent.operation_type": "tool", "junjo.agent.tool.name": "look"}
    asked = {"junjo.agent.operation_type": "model_request", "junjo.agent.runtime_id": "r"}
    run = run_in(
        agent, [agent, made(3, 1, attributes=tool), made(2, 1, attributes=asked), made(4, 1, attributes=asked)]
    )
    assert run.run.name == "Ada"
    assert [each.type for each in run.run.nodes] == ["model_request", "tool", "model_request"]


STEPS = [[{"op": "replace", "path": "/n", "value": number}] for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("start", "patches", "difference"),
    [
        ({"n": 0}, STEPS, None),
        ({"n": 0}, [[{"op": "add", "path": "/n", "value": number}] for number in (1, 2, 3)], None),
        ({"n": 0, "m": 1}, STEPS, FirstDifference(step=0, path="/m")),
        ({"n": 0}, STEPS[:2], FirstDifference(step=3, path="/n")),
        ({"n": 0}, [*STEPS, []], FirstDifference(step=4, path="")),
        ({"n": 0}, [STEPS[0], STEPS[2]], FirstDifference(step=2, path="/n")),
        ({"n": 0}, [STEPS[0], [{"op": "add", "path": "/x", "value": {"y": 1}}]], FirstDifference(step=2, path="/n")),
        ("no state", STEPS, None),
    ],
)
def test_states_part_where_they_first_differ(
    start: object, patches: list[Any], difference: FirstDifference | None
) -> None:
    one, other = workflow({"n": 0}, {"n": 3}, STEPS), workflow(start, {}, patches)
    assert first_difference(one, other, waits) == difference
    assert first_difference(other, one, waits) == difference


def test_a_run_is_compared_with_one_of_another_shape() -> None:
    one = run_in(owner(), [owner(), node(2, 1, "a"), node(3, 1, "b")])
    agent = made(1, attributes={"junjo.span_type": "agent", "junjo.executable_runtime_id": "r"})
    asked = {"junjo.agent.operation_type": "model_request", "junjo.agent.runtime_id": "r"}
    other = run_in(agent, [agent, made(2, 1, name="model request 1", attributes=asked)])
    assert [(pair.label, pair.one is None) for pair in pairs_of(one, other)] == [
        ("model request 1", True),
        ("a", False),
        ("b", False),
    ]


def test_large_states_are_told_apart_member_by_member() -> None:
    large = {"id": "x" * 100, "list": list(range(20))}
    start = {"items": [large] * 500, "text": "y" * 70_000, "gone": 1}
    patches = [
        [{"op": "replace", "path": "/items/7/list/3", "value": "new"}],
        [{"op": "remove", "path": "/gone"}, {"op": "add", "path": "/a~1b", "value": 1}],
    ]
    run = workflow(start, None, patches)
    assert run.difference(0, 2, waits).patch == (
        {"op": "replace", "path": "/items/7/list/3", "value": "new"},
        {"op": "remove", "path": "/gone"},
        {"op": "add", "path": "/a~1b", "value": 1},
    )
    assert run.difference(1, 1, waits).patch == ()


def test_states_that_are_not_known_are_none() -> None:
    run = workflow("no state", {}, STEPS)
    assert run.state(2, waits).state is None
    assert run.state(2, waits).patch == tuple(STEPS[1])
    with pytest.raises(NotFound):
        run.difference(0, 1, waits)
    with pytest.raises(NotFound):
        run.blame("/n", waits)


@pytest.mark.parametrize("path", ["/list/-", "/list/01", "/list/9", "/n/0", "/none", "/list/0/x"])
def test_nobody_is_to_blame_for_what_never_was(path: str) -> None:
    run = workflow({"n": 0, "list": ["text"]}, {"n": 3, "list": ["text"]}, STEPS)
    with pytest.raises(NotFound):
        run.blame(path, waits)


def test_who_removed_something_is_to_blame_and_shifted_items_are_changes() -> None:
    patches: list[Any] = [
        [{"op": "add", "path": "/list/-", "value": "b"}],
        [{"op": "remove", "path": "/list/0"}],
        [{"op": "remove", "path": "/gone"}],
        [{"op": "replace", "path": "/n", "value": 0}],
    ]
    run = workflow({"n": 0, "list": ["a"], "gone": 1}, {"n": 0, "list": ["b"]}, patches)
    found = {path: run.blame(path, waits) for path in ("/gone", "/list/0", "/list", "/n")}
    assert {path: (each.step, each.value) for path, each in found.items()} == {
        "/gone": (3, None),
        "/list/0": (2, "b"),
        "/list": (2, ["b"]),
        "/n": (None, 0),  # the step that set it set what was there
    }

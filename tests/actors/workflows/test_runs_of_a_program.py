"""Runs that ``scripts/record_junjo_runs.py`` recorded: a loop, nested subflows, an agent, and a failure."""

import pytest

from actors.workflows.comparing import first_difference, pairs_of, patches_of
from actors.workflows.form import FirstDifference
from actors.workflows.runs import FoldedRun
from tests.actors.workflows.stage import node_states, recorded, run_in, waits

pytestmark = pytest.mark.unit

FILE = "junjo_runs_0.69.0.bin"


def runs_named(name: str) -> list[FoldedRun]:
    """Oldest first."""
    spans = sorted((span for span in recorded(FILE) if span.name == name), key=lambda span: span.order)
    return [run_in(span, recorded(FILE)) for span in spans]


def test_every_run_is_complete() -> None:
    runs = [run for name in ("Report", "Research", "Archive", "Librarian", "Counting") for run in runs_named(name)]
    assert len(runs) == 12
    assert {run.run.integrity.verdict for run in runs} == {"complete"}


def test_a_loop_counts_its_runs_and_both_ways_were_taken() -> None:
    told = runs_named("Report")[1].run
    label = {node.id: node.label for node in told.nodes}
    assert {node.label: node.runs for node in told.nodes if node.label in ("Draft", "Review")} == {
        "Draft": 3,
        "Review": 3,
    }
    assert {(label[edge.tail], label[edge.head]): edge.taken for edge in told.edges} == {
        ("Draft", "Review"): True,
        ("Review", "Draft"): True,
        ("Review", "Research"): True,
        ("Look", "Archive"): True,
        ("Research", "Ask"): True,
        ("Ask", "Send"): True,
    }


def test_of_concurrent_nodes_one_failed_and_one_was_cancelled_for_it() -> None:
    nodes = {node.label: node for node in runs_named("Report")[0].run.nodes}
    assert [nodes[label].status for label in ("Send", "SendMail", "SendFax", "SendPigeon")] == [
        "error",
        "ok",
        "error",
        "error",
    ]
    assert nodes["SendFax"].error == "nobody has a fax"
    assert nodes["SendPigeon"].error == "Cancelled: sibling_failed"


def test_nodes_of_a_subflow_of_a_subflow_have_their_spans() -> None:
    spans = {span.span_id: span.name for span in recorded(FILE)}
    [read] = [node for node in runs_named("Report")[0].run.nodes if node.label == "Read"]
    assert read.status == "ok"
    assert spans[read.span_id or ""] == "Read"


def test_an_agent_in_a_node_is_its_child_and_a_run_of_its_own() -> None:
    nodes = {node.label: node for node in runs_named("Report")[0].run.nodes}
    assert nodes["Ask"].children == (nodes["Librarian"].id,)
    assert nodes["Librarian"].subflow == runs_named("Librarian")[0].run.span_id


def test_an_agent_asks_two_tools_at_once_and_each_runs_a_workflow() -> None:
    told = runs_named("Librarian")[0].run
    assert [node.label for node in told.nodes] == [
        *("model request 1", "count", "count", "model request 2", "Counting", "Counting")
    ]
    first, one, other, last, *counting = told.nodes
    assert {(edge.tail, edge.head) for edge in told.edges} == {
        (first.id, one.id),
        (first.id, other.id),
        (one.id, last.id),
        (other.id, last.id),
    }
    assert (*one.children, *other.children) == tuple(node.id for node in counting)


def test_steps_made_within_a_plain_span_are_the_node_s() -> None:
    steps = runs_named("Report")[0].steps
    assert [(step.node, step.action) for step in steps] == [
        ("Draft", "add_draft"),
        ("Draft", "add_draft"),
        ("Review", "approve"),
        ("Research", "add_source"),
        ("Research", "add_source"),
        ("Ask", "set_answer"),
        ("SendMail", "count_sent"),
    ]
    plain = {span.span_id for span in recorded(FILE) if span.name == "write draft"}
    assert {step.span_id for step in steps if step.node == "Draft"} <= plain


def test_runs_are_compared_execution_by_execution() -> None:
    one, other = runs_named("Report")
    assert [(pair.label, pair.one is not None, pair.other is not None) for pair in pairs_of(one, other)] == [
        ("Draft", True, True),
        ("Review", True, True),
        ("Draft", True, True),
        ("Review", True, True),
        ("Draft", False, True),
        ("Review", False, True),
        ("Research", True, True),
        ("Ask", True, True),
        ("Librarian", True, True),
        ("Send", True, True),
        ("SendMail", True, True),
        ("SendFax", True, True),
        ("SendPigeon", True, True),
    ]
    assert first_difference(one, other, waits) == FirstDifference(step=0, path="/wanted")
    back = pairs_of(other, one)
    assert [pair.label for pair in back if pair.other is None] == ["Draft", "Review"]


def test_a_node_s_patches_are_those_of_all_spans_in_it() -> None:
    run = runs_named("Report")[0]
    patches = {
        next(each.label for each in run.executed if each.span_id == span): patch
        for span, patch in patches_of(run).items()
    }
    assert [operation["path"] for operation in patches["Research"]] == ["/sources/atlas", "/sources/almanac"]
    assert patches["SendMail"] == ({"op": "replace", "path": "/sent", "value": 1},)


@pytest.mark.parametrize(
    ("path", "blamed"),
    [
        ("", (7, "SendMail")),
        ("/drafts", (2, "Draft")),
        ("/drafts/0", (1, "Draft")),
        ("/wanted", (None, None)),
        ("/sources/atlas", (4, "Research")),
        ("/answer", (6, "Ask")),
    ],
)
def test_the_last_step_that_changed_a_place_is_to_blame(path: str, blamed: tuple[int | None, str | None]) -> None:
    found = runs_named("Report")[0].blame(path, waits)
    assert (found.step, found.node) == blamed


def test_the_states_of_a_run_that_failed_are_told_to_its_end() -> None:
    run = runs_named("Report")[0]
    assert run.state(7, waits).state == run.run.end
    assert node_states(run)["Send"] == "error"

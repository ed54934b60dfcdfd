"""What is missing of a run, or contradicts itself, is named."""

import re
from collections.abc import Callable
from typing import Any, get_args

import attrs
import pytest

from actors.workflows.losses import LossKind
from actors.workflows.runs import FoldedRun
from tests.actors.workflows.stage import STORE, made, run_in, transition, waits, workflow, workflow_span
from tests.source import PROJECT

pytestmark = pytest.mark.unit

START = {"n": 0}


def set_n(value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": "/n", "value": value}]


def three_steps(**attributes: object) -> FoldedRun:
    return workflow(START, {"n": 3}, [set_n(1), set_n(2), set_n(3)], **attributes)


def losses_of(run: FoldedRun) -> list[str]:
    return [loss.kind for loss in run.run.integrity.losses]


def test_a_run_without_losses_is_complete() -> None:
    run = three_steps()
    assert (run.run.integrity.verdict, losses_of(run)) == ("complete", [])


def test_an_end_that_differs_from_the_steps_is_named_with_its_place() -> None:
    run = workflow({"a": {"b/c": [1, 2]}}, {"a": {"b/c": [1, 3]}}, [])
    [loss] = run.run.integrity.losses
    assert (loss.kind, run.run.integrity.verdict) == ("end_differs", "partial")
    assert "/a/b~1c/1" in loss.detail
    assert run.run.end == {"a": {"b/c": [1, 3]}}


@pytest.mark.parametrize(("end", "losses"), [({"n": 1.0}, []), ({"n": True}, ["end_differs"]), ({}, ["end_differs"])])
def test_numbers_are_equal_by_their_value_and_true_is_none(end: object, losses: list[str]) -> None:
    assert losses_of(workflow(START, end, [set_n(1)])) == losses


def without(*steps: int) -> Callable[[list[Any]], list[Any]]:
    return lambda events: [event for number, event in enumerate(events, 1) if number not in steps]


@pytest.mark.parametrize(
    ("change", "losses", "detail"),
    [
        (without(2), {"missing_transitions", "revision_gap"}, "Transition 2 of the store did not come"),
        (without(1, 2), {"missing_transitions", "revision_gap"}, "Transitions 1 to 2 of the store did not come"),
        (without(3), {"missing_transitions", "revision_gap", "end_differs"}, "Transition 3 of the store did not come"),
        (without(1, 2, 3), {"missing_transitions", "revision_gap", "end_differs"}, "Transitions 1 to 3"),
        (
            lambda events: [*events, events[0]],
            {"duplicate_transition"},
            "Transition 1 of the store came more than once",
        ),
    ],
)
def test_what_did_not_come_is_named(change: Callable[[list[Any]], list[Any]], losses: set[str], detail: str) -> None:
    span = workflow_span(START, {"n": 3}, [set_n(1), set_n(2), set_n(3)])
    run = run_in(span, [attrs.evolve(span, events=change(list(span.events)))])
    assert set(losses_of(run)) == losses
    assert any(detail in loss.detail for loss in run.run.integrity.losses)


def test_what_the_older_junjo_only_counted_is_missed_too() -> None:
    span = workflow_span(START, {"n": 1}, [])
    told = {name: value for name, value in span.attributes.items() if "revision" not in name}
    told |= {"junjo.store.transition.count": 2, "junjo.store.transition.end": None}
    assert losses_of(run_in(span, [attrs.evolve(span, attributes=told)])) == ["missing_transitions", "end_differs"]


@pytest.mark.parametrize(
    ("attributes", "loss"),
    [
        ({"junjo__workflow__store__id": None}, "no_start_state"),
        ({"junjo__workflow__state__start": None}, "no_start_state"),
        ({"junjo__workflow__state__start": "{"}, "no_start_state"),
        ({"junjo__workflow__state__start__mode": "redacted"}, "not_full"),
        ({"junjo__workflow__state__end": None}, "no_end_state"),
        ({"junjo__workflow__state__end": "[1"}, "no_end_state"),
        ({"junjo__workflow__state__end__mode": "excluded"}, "not_full"),
        ({"junjo__store__revision__end": 7}, "revision_gap"),
        ({"junjo__store__reconstructable": False}, "not_reconstructable"),
        ({"junjo__telemetry__contract_version": 99}, "contract_version"),
        ({"junjo__workflow__graph_structure": "{"}, "unreadable_graph"),
        ({"junjo__workflow__graph_structure": '{"nodes": 1}'}, "unreadable_graph"),
        ({"junjo__workflow__execution_graph_snapshot": "[]"}, "unreadable_graph"),
    ],
)
def test_what_the_owner_does_not_say_is_named(attributes: dict[str, object], loss: str) -> None:
    assert losses_of(three_steps(**attributes)) == [loss]


@pytest.mark.parametrize(
    ("change", "loss"), [({"dropped_events": 3}, "dropped_events"), ({"dropped_attributes": 1}, "dropped_attributes")]
)
def test_what_the_sender_dropped_is_named(change: dict[str, int], loss: str) -> None:
    span = workflow_span(START, START, [])
    node = made(2, 1, attributes={"junjo.span_type": "node"}, **change)
    assert losses_of(run_in(span, [span, node])) == [loss]


def test_a_run_that_has_not_ended_is_told_as_far_as_it_is() -> None:
    span = workflow_span(START, None, [set_n(1)], junjo__workflow__state__end=None, junjo__store__transition__end=None)
    told = {name: value for name, value in span.attributes.items() if not name.endswith((".end", ".count"))}
    run = run_in(span, [attrs.evolve(span, attributes=told, end_time_unix_nano=None)])
    assert losses_of(run) == ["running"]
    assert (run.run.end, run.run.steps) == ({"n": 1}, 1)


def test_steps_of_another_execution_of_the_store_are_none_of_this_one() -> None:
    """A store that outlives a run counts on."""
    span = workflow_span(START, {"n": 2}, [set_n(1), set_n(2)], junjo__store__transition__end=2)
    later = made(900, attributes={}, events=[transition(3, set_n(9))])
    assert losses_of(run_in(span, [span, later])) == []
    assert run_in(span, [span, later]).run.steps == 2


def test_old_stores_are_cut_by_time() -> None:
    def old(time: int, value: int) -> dict[str, Any]:
        event = transition(1, set_n(value))
        kept = {
            key: value for key, value in event["attributes"].items() if "sequence" not in key and "revision" not in key
        }
        return {**event, "timeUnixNano": time, "attributes": kept}

    told = {
        "junjo.span_type": "workflow",
        "junjo.workflow.store.id": STORE,
        "junjo.workflow.state.start": '{"n":0}',
        "junjo.workflow.state.end": '{"n":2}',
    }
    span = made(10, attributes=told, events=[old(30, 2), old(20, 1)])
    run = run_in(span, [span, made(2000, events=[old(2001, 7)], end_time_unix_nano=3000)])
    assert [run.state(step, waits).state for step in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert losses_of(run) == []


def test_a_step_that_was_not_recorded_whole_changes_nothing() -> None:
    span = workflow_span(START, {"n": 3}, [set_n(1), set_n(2), set_n(3)])
    events = [*span.events[:1], transition(2, None, **{"junjo.state_json_patch.mode": "excluded"}), *span.events[2:]]
    run = run_in(span, [attrs.evolve(span, events=events)])
    assert losses_of(run) == ["not_full"]
    assert [run.state(step, waits).state for step in range(4)] == [{"n": 0}, {"n": 1}, {"n": 1}, {"n": 3}]


def test_the_document_names_every_kind() -> None:
    table = (PROJECT / "docs" / "workflows.md").read_text().partition("## Integrity")[2].partition("## Bounds")[0]
    kinds = [
        kind
        for line in re.findall(r"^\| (`.+?`) \|", table, flags=re.MULTILINE)
        for kind in re.findall(r"`(\w+)`", line)
    ]
    assert sorted(kinds) == sorted(get_args(LossKind))


def test_many_losses_are_counted_and_not_listed() -> None:
    run = workflow(START, START, ["no patch"] * 250)
    losses = run.run.integrity.losses
    assert [loss.kind for loss in losses] == ["unreadable_patch"] * 100 + ["more"]
    assert losses[-1].detail.startswith("150 ")

"""What spans prove of workflows and agents, also where they are half sent, made up or hostile."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import attrs
import orjson
import pytest

from actors.workflows.evidence.agents import read_run
from actors.workflows.evidence.assembled import MOST_DIAGNOSTICS, trace_evidence
from actors.workflows.evidence.facts import SentSpan
from actors.workflows.evidence.form import AgentExecution, Code, Evidence, Flow, LossCounts, ModelOperation, Service
from actors.workflows.span import Span
from tests.actors.workflows.stage import STORE, made, transition, workflow_span

pytestmark = pytest.mark.unit

KNOWN = {"junjo.telemetry.contract_version": 3}
SERVICE = Service(namespace="", name="tests", version=None)


def sent(span: Span, **losses: int) -> SentSpan:
    return SentSpan(span=span, service=SERVICE, losses=LossCounts(**losses))


def evidence_of(spans: Iterable[Span], **more: Any) -> Evidence:
    return trace_evidence(map(sent, spans), **more)


def slot(root: str, value: object, **more: Any) -> dict[str, Any]:
    """A value as junjo sends it."""
    told = {root: orjson.dumps(value).decode(), f"{root}.mode": "full", f"{root}.policy": "p"}
    return told | {f"{root}.{name}": other for name, other in more.items()}


def run_of(start: object, end: object, patches: Any, **more: object) -> Span:
    """A workflow of a version that is known."""
    span = workflow_span(start, end, patches)
    events = [{**event, "attributes": {**event["attributes"], "id": "event"}} for event in span.events]
    return attrs.evolve(span, attributes={**span.attributes, **KNOWN, **more}, events=events)


def agent_span(number: int = 1, parent: int | None = None, **more: Any) -> Span:
    """An agent that did nothing, and has no store."""
    told = {
        **KNOWN,
        "junjo.span_type": "agent",
        "junjo.executable_definition_id": "definition",
        "junjo.executable_runtime_id": f"run {number}",
        "junjo.executable_structural_id": "agent_sha256:0",
        "junjo.agent.key": "key",
        "junjo.agent.name": "name",
        "junjo.agent.runtime_id": f"run {number}",
        "junjo.agent.state.available": False,
        "junjo.agent.limit.model_requests": 8,
        "junjo.agent.limit.tool_calls": 8,
        "junjo.agent.operation.count": 0,
        "junjo.agent.model_request.count": 0,
        "junjo.agent.tool_call.requested_count": 0,
        "junjo.agent.tool_call.admitted_count": 0,
        "junjo.agent.tool_call.started_count": 0,
        "junjo.agent.tool_call.completed_count": 0,
        "junjo.agent.usage": '{"v":1,"modelResponses":0,"fields":{}}',
        "junjo.agent.outcome": "completed",
        "junjo.agent.termination_reason": "final_output",
        **slot("junjo.agent.definition_snapshot", {}),
    }
    return made(number, parent, attributes=told | more)


def input_of(text: str) -> dict[str, Any]:
    return {"junjo.agent.input": text, "junjo.agent.input.mode": "full"}


def request_span(number: int, sequence: int, **more: Any) -> Span:
    """A model request of agent 1."""
    told = {
        **KNOWN,
        "junjo.agent.operation_type": "model_request",
        "junjo.agent.runtime_id": "run 1",
        "junjo.agent.operation.sequence": sequence,
        "junjo.agent.model_request.ordinal": sequence,
        "junjo.agent.model_request.state_revision": 0,
        "junjo.agent.model.driver_key": "d",
        "junjo.agent.model.provider": "p",
        "junjo.agent.model.name": "m",
        **slot("junjo.agent.model.request", {}),
        "junjo.agent.model.response_candidate.available": False,
        "junjo.agent.model.response_candidate.unavailable_reason": "not_returned",
    }
    return made(number, 1, attributes=told | more)


def without(span: Span, *keys: str) -> Span:
    kept: Mapping[str, Any] = {key: value for key, value in span.attributes.items() if key not in keys}
    return attrs.evolve(span, attributes=kept)


def codes(found: Flow | AgentExecution) -> set[str]:
    return {issue.code for issue in found.integrity.diagnostics}


def only_flow(evidence: Evidence) -> Flow:
    [flow] = evidence.executables_by_span_id.values()
    assert isinstance(flow, Flow)
    return flow


def only_agent(evidence: Evidence) -> AgentExecution:
    [agent] = evidence.executables_by_span_id.values()
    assert isinstance(agent, AgentExecution)
    return agent


ADD_A = [{"op": "add", "path": "/a", "value": 1}]
ADD_B = [{"op": "add", "path": "/b", "value": 2}]


def test_a_store_that_was_rebuilt_has_its_states() -> None:
    evidence = evidence_of([run_of({}, {"a": 1, "b": 2}, [ADD_A, ADD_B])])
    flow = only_flow(evidence)
    assert (flow.integrity.status, flow.stores["application"].reconstruction_status) == ("complete", "verified")
    states = [(each.before, each.after) for each in evidence.stores_by_id[STORE].transitions]
    assert states == [(b"{}", b'{"a":1}'), (b'{"a":1}', b'{"a":1,"b":2}')]


@pytest.mark.parametrize(
    ("span", "code"),
    [
        (run_of({}, {"a": 2}, [ADD_A]), "end_differs"),
        (run_of({}, {"a": 1}, [ADD_A, [{"op": "remove", "path": "/none"}]]), "failed_patch"),
        (run_of({}, {"a": 1}, [ADD_A, "no json"]), "unreadable_patch"),
        (run_of({}, {"a": 1}, [ADD_A], **{"junjo.store.transition.end": 3}), "missing_transitions"),
        (run_of({}, {"a": 1}, [ADD_A], **{"junjo.store.revision.end": 9}), "revision_gap"),
        (without(run_of({}, {}, []), "junjo.workflow.state.start"), "no_start_state"),
    ],
)
def test_a_store_that_cannot_be_rebuilt_is_partial_and_shows_no_states(span: Span, code: str) -> None:
    evidence = evidence_of([span])
    flow = only_flow(evidence)
    boundary = flow.stores["application"]
    assert flow.integrity.status == "partial"
    assert codes(flow) & {code, "failed_patch"}
    assert (boundary.reconstructable, boundary.reconstruction_status) == (False, "failed")
    assert all(each.after is None for log in evidence.stores_by_id.values() for each in log.transitions)
    assert {each.issue.code for each in evidence.diagnostics} == codes(flow)


@pytest.mark.parametrize("mode", ["redacted", "excluded", "reference"])
def test_what_a_policy_keeps_back_is_no_failure(mode: str) -> None:
    told = {"junjo.workflow.state.start.mode": mode, "junjo.workflow.state.start.reference": "s3://state"}
    boundary = only_flow(evidence_of([run_of({}, {}, [], **told)])).stores["application"]
    assert boundary.reconstruction_status == "policy_unavailable"
    assert boundary.start is not None
    assert (boundary.start.mode, boundary.start.value) == (mode, b"{}" if mode == "redacted" else None)
    assert boundary.start.reference == ("s3://state" if mode == "reference" else None)


def test_a_sender_may_say_that_it_cannot_be_rebuilt_and_be_wrong() -> None:
    flow = only_flow(evidence_of([run_of({}, {"a": 1}, [ADD_A], **{"junjo.store.reconstructable": False})]))
    assert flow.stores["application"].reconstruction_status == "verified"
    assert (flow.integrity.status, codes(flow)) == ("partial", {"not_reconstructable"})


def test_states_end_where_there_is_no_more_room() -> None:
    doubling = [[{"op": "add", "path": f"/{step}", "value": "x" * 1000}] for step in range(50)]
    end = {str(step): "x" * 1000 for step in range(50)}
    evidence = evidence_of([run_of({}, end, doubling)], room=100_000)
    transitions = evidence.stores_by_id[STORE].transitions
    kept = [each for each in transitions if each.after is not None]
    assert (len(transitions), 0 < len(kept) < 20) == (50, True)
    assert sum(len(each.before or b"") + len(each.after or b"") for each in kept) <= 100_000
    assert [each.issue.code for each in evidence.diagnostics] == ["states_left_out"]
    assert only_flow(evidence).integrity.status == "complete"


def test_transitions_without_numbers_or_names_are_left_out_and_told_of() -> None:
    span = run_of({}, {}, [])
    events = [transition(1, ADD_A), transition(2, ADD_B, id="event", **{"junjo.store.action": 7})]
    evidence = evidence_of([attrs.evolve(span, events=events)])
    assert evidence.stores_by_id[STORE].transitions == ()
    assert "invalid_transition" in {each.issue.code for each in evidence.diagnostics}


def test_transitions_may_stand_on_spans_of_other_libraries() -> None:
    """A store writes to whatever span is open."""
    span = run_of({}, {"a": 1, "b": 2}, [ADD_A, ADD_B])
    workflow, client = attrs.evolve(span, events=span.events[:1]), made(2, 1, events=span.events[1:])
    evidence = evidence_of([workflow, client])
    assert only_flow(evidence).stores["application"].reconstruction_status == "verified"
    assert [each.span_id for each in evidence.stores_by_id[STORE].transitions] == [span.span_id, client.span_id]
    old = evidence_of([made(2, events=[transition(1, ADD_A, **{"junjo.store.transition.sequence": None})])])
    assert not old.stores_by_id
    assert not old.diagnostics


def test_whoever_waits_no_longer_ends_the_work() -> None:
    def check() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        evidence_of([run_of({}, {"a": 1}, [ADD_A])], check=check)


def test_an_agent_and_its_operations_are_complete_only_together() -> None:
    counted = {"junjo.agent.operation.count": 2, "junjo.agent.model_request.count": 2}
    whole = only_agent(evidence_of([agent_span(**counted), request_span(2, 2), request_span(3, 1)]))
    assert (whole.integrity.status, codes(whole)) == ("complete", set())
    evidence = evidence_of([agent_span(**counted), request_span(2, 2), request_span(3, 1)])
    assert [each.sequence for each in evidence.operations_by_owner_runtime_id["run 1"].values()] == [1, 2]
    fewer = only_agent(evidence_of([agent_span(**counted), request_span(2, 2)]))
    twice = only_agent(evidence_of([agent_span(**counted), request_span(2, 2), request_span(3, 2)]))
    assert (codes(fewer), codes(twice)) == ({"missing_operations"}, {"operation_sequence"})


def test_an_operation_without_its_numbers_is_none() -> None:
    counted = {"junjo.agent.operation.count": 1, "junjo.agent.model_request.count": 1}
    for faulty in (
        without(request_span(2, 1), "junjo.agent.model_request.ordinal"),
        request_span(2, 0),
        request_span(2, 2**60),
    ):
        evidence = evidence_of([agent_span(**counted), faulty])
        assert evidence.operations_by_owner_runtime_id == {}
        assert codes(only_agent(evidence)) >= {"missing_operations"}


def test_operations_whose_agent_did_not_come_stand_alone() -> None:
    evidence = evidence_of([request_span(2, 1)])
    assert list(evidence.operations_by_owner_runtime_id) == ["run 1"]
    assert [each.issue.code for each in evidence.diagnostics] == ["missing_owner"]


@pytest.mark.parametrize(
    ("response", "calls"),
    [
        ({"calls": [{"id": "c1", "name": "a"}, {"id": "c2", "name": "b"}]}, [("c1", 1), ("c2", 2)]),
        ({"calls": [{"id": 1, "name": "a"}, "b", None, {"id": "c2", "name": "b"}]}, [("c2", 4)]),
        ({"calls": {"id": "c1"}}, []),
        ([], []),
    ],
)
def test_calls_that_a_model_asked_for_are_counted(response: object, calls: list[tuple[str, int]]) -> None:
    told = slot("junjo.agent.model.response", response) | {"junjo.agent.model.response_type": "tool_calls"}
    evidence = evidence_of([agent_span(), request_span(2, 1, **told)])
    [operation] = evidence.operations_by_owner_runtime_id["run 1"].values()
    assert isinstance(operation, ModelOperation)
    assert [(each.call_id, each.ordinal) for each in operation.requested_tool_calls] == calls
    assert {each.admission for each in operation.requested_tool_calls} <= {"unknown"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"junjo.agent.key": ""}, "invalid_attribute"),
        ({"junjo.agent.key": 7}, "invalid_attribute"),
        ({"junjo.agent.limit.tool_calls": -1}, "invalid_attribute"),
        ({"junjo.agent.limit.tool_calls": True}, "invalid_attribute"),
        ({"junjo.agent.limit.tool_calls": 2**53}, "invalid_attribute"),
        ({"junjo.agent.outcome": "done"}, "invalid_attribute"),
        ({"junjo.agent.usage": "no json"}, "invalid_attribute"),
        ({"junjo.agent.usage": '{"modelResponses":1,"fields":{"inputTokens":{"sum":1}}}'}, "invalid_attribute"),
        ({"junjo.agent.usage": '{"modelResponses":1,"fields":[]}'}, "invalid_attribute"),
        ({"junjo.agent.outcome": "cancelled"}, "contradiction"),
        ({"junjo.agent.termination_reason": "tool_error"}, "contradiction"),
        ({"junjo.agent.tool_call.completed_count": 1}, "contradiction"),
        ({"junjo.agent.model_request.count": 1}, "contradiction"),
        ({"junjo.agent.runtime_id": "run 2"}, "contradiction"),
    ],
)
def test_a_run_that_contradicts_itself_is_none(more: dict[str, Any], code: str) -> None:
    read = read_run(sent(agent_span(**more)))
    assert read.run is None
    assert code in {issue.code for issue in read.issues}
    evidence = evidence_of([agent_span(**more)])
    assert not evidence.executables_by_span_id
    assert not evidence.relationships_by_owner_span_id
    assert [each.owner_span_id for each in evidence.diagnostics] == [f"{1:016x}"] * len(evidence.diagnostics)


@pytest.mark.parametrize("version", [None, 2, 4, "3", True, 3.5, 2**70])
def test_spans_of_other_versions_prove_nothing(version: object) -> None:
    told = {"junjo.telemetry.contract_version": version}
    workflow = run_of({}, {"a": 1}, [ADD_A], **told)
    evidence = evidence_of([workflow, agent_span(2, 1, **told), request_span(3, 1, **told)])
    assert not evidence.executables_by_span_id
    assert not evidence.operations_by_owner_runtime_id
    assert not evidence.stores_by_id
    [diagnostic] = evidence.diagnostics
    assert (diagnostic.issue.code, diagnostic.issue.message[:2]) == ("unsupported_contract", "3 ")


@pytest.mark.parametrize("text", ["[" * 129 + "]" * 129, "[" * 100_000, "{", "NaN", '"\\ud800"', ""])
def test_values_that_no_reader_can_hold_are_missing(text: str) -> None:
    agent = only_agent(evidence_of([agent_span(**input_of(text))]))
    assert agent.input is not None
    assert (agent.input.mode, agent.input.value) == ("missing", None)
    assert codes(agent) == {"invalid_payload"}


def test_numbers_of_values_stay_as_they_were_sent() -> None:
    text = '{"n":12345678901234567890123,"f":0.10}'
    agent = only_agent(evidence_of([agent_span(**input_of(text))]))
    assert agent.input is not None
    assert agent.input.value == text.encode()


def test_parents_are_only_those_that_are_there_and_what_they_should_be() -> None:
    parent = {"junjo.parent_executable_runtime_id": "run 1", "junjo.parent_executable_type": "agent"}
    evidence = evidence_of([agent_span(1), agent_span(2, 1, **parent)])
    related = evidence.relationships_by_owner_span_id
    assert related[f"{2:016x}"].parent is not None
    assert [each.span_id for each in related[f"{1:016x}"].nested] == [f"{2:016x}"]
    for other in (
        {"junjo.parent_executable_runtime_id": "run 7"},
        {"junjo.parent_executable_runtime_id": "run 2"},
        parent | {"junjo.parent_executable_type": "workflow"},
    ):
        evidence = evidence_of([agent_span(1), agent_span(2, 1, **other)])
        assert evidence.relationships_by_owner_span_id[f"{2:016x}"].parent is None
        assert [each.issue.code for each in evidence.diagnostics] == ["missing_parent"]


def test_executables_that_say_they_started_each_other_end() -> None:
    ring = [
        agent_span(number, 1 + number % 500, **{"junjo.parent_executable_runtime_id": f"run {1 + number % 500}"})
        for number in range(1, 501)
    ]
    assert len(evidence_of(ring).relationships_by_owner_span_id) == 500


def test_what_was_dropped_is_counted_and_partial() -> None:
    spans = [sent(agent_span(), span_dropped_attributes=2, event_dropped_attributes=1, resource_dropped_attributes=4)]
    agent = only_agent(trace_evidence([*spans, sent(made(9), span_dropped_events=5)]))
    assert agent.integrity.status == "partial"
    assert agent.integrity.loss_counts == LossCounts(
        span_dropped_attributes=2, event_dropped_attributes=1, resource_dropped_attributes=4
    )


def test_diagnostics_are_bounded() -> None:
    faulty = [agent_span(number, **{"junjo.agent.key": 7}) for number in range(1, MOST_DIAGNOSTICS + 100)]
    assert len(evidence_of(faulty).diagnostics) == MOST_DIAGNOSTICS


def test_every_code_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "junjo.md").read_text()
    assert re.findall(r"^\| `([a-z_]+)` \|", text.partition("| code |")[2], re.MULTILINE) == list(get_args(Code))

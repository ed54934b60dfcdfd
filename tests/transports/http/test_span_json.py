import json
from typing import Any

import attrs
import orjson
import pytest

from actors.span_store.columns.spans import StoredSpan
from actors.workflows.graph_form import drawn_graph
from transports.http.wire.span_json import SpanAnswer, may_be_in_subflow, render_span, span_documents

pytestmark = pytest.mark.unit

_BARE = StoredSpan(
    trace_id="01" * 16,
    span_id="02" * 8,
    parent_span_id=None,
    service_name="tests",
    name="span",
    kind=1,
    start_time_unix_nano=1_700_000_000_123_456_789,
    end_time_unix_nano=1_700_000_000_999_999_999,
    status_code=0,
    status_message="",
    trace_state="",
    flags=257,
    attributes_json="{}",
    events_json="[]",
    links_json="[]",
    dropped_attributes_count=0,
    dropped_events_count=0,
    dropped_links_count=0,
    resource_json="{}",
    scope_json="{}",
    exact_json=None,
)


def shown(**changes: Any) -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(render_span(_BARE._replace(**changes)))
    return rendered


def with_attributes(**attributes: Any) -> dict[str, Any]:
    """Attribute names with ``__`` for each dot."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return shown(attributes_json=orjson.dumps(named).decode())


def test_all_members_are_there_in_the_order_of_the_documented_class() -> None:
    [document] = span_documents([_BARE])
    assert list(document) == [field.name for field in attrs.fields(SpanAnswer)]
    assert len(document) == 22


def test_a_bare_span() -> None:
    span = shown()
    assert (span["kind"], span["status_code"], span["trace_flags"]) == ("INTERNAL", "0", 257)
    assert (span["parent_span_id"], span["trace_state"]) == (None, None)
    assert (span["junjo_id"], span["junjo_span_type"], span["junjo_wf_state_start"]) == ("", "", {})


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "UNSPECIFIED"),
        (1, "INTERNAL"),
        (2, "SERVER"),
        (3, "CLIENT"),
        (4, "PRODUCER"),
        (5, "CONSUMER"),
        (9, "UNSPECIFIED"),
    ],
)
def test_kinds(number: int, name: str) -> None:
    assert shown(kind=number)["kind"] == name


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000+00:00"),
        (1_700_000_000_999_999_999, "2023-11-14T22:13:20.999999+00:00"),
        (2**64 - 1, "2554-07-21T23:34:33.709551+00:00"),
    ],
)
def test_times_are_cut_and_never_rounded(nanoseconds: int, text: str) -> None:
    assert shown(start_time_unix_nano=nanoseconds)["start_time"] == text


def test_json_text_passes_as_it_is() -> None:
    text = '{"big":9007199254740993,"f":3.0,"é":"\\u0000"}'
    assert text.encode() in orjson.dumps(span_documents([_BARE._replace(attributes_json=text)]))


def test_junjo_up_to_0_62() -> None:
    span = with_attributes(
        junjo__id="n1", junjo__parent_id="wf", junjo__span_type="workflow", junjo__workflow__store__id="s1",
        junjo__workflow__state__start='{"n":0}', junjo__workflow__state__end='{"n":1e3,"big":123456789012345678901}',
        junjo__workflow__graph_structure='{"v": 1, "nodes": [], "edges": []}', junjo__workflow__node__count=2,
    )  # fmt: skip
    assert span["attributes_json"] == {"junjo.workflow.node.count": 2}
    assert (span["junjo_id"], span["junjo_parent_id"], span["junjo_wf_store_id"]) == ("n1", "wf", "s1")
    assert (span["junjo_wf_state_start"], span["junjo_wf_state_end"]["big"]) == ({"n": 0}, 123456789012345678901)
    assert span["junjo_wf_graph_structure"] == {"v": 1, "nodes": [], "edges": []}


def test_junjo_since_0_63() -> None:
    snapshot = json.dumps({"v": 2, "nodes": [{"nodeRuntimeId": "a", "nodeType": "T", "nodeLabel": "L"}], "edges": []})
    span = with_attributes(
        junjo__span_type="subflow", junjo__executable_runtime_id="r1", junjo__parent_executable_runtime_id="r0",
        junjo__workflow__execution_graph_snapshot=snapshot,
    )  # fmt: skip
    assert (span["junjo_id"], span["junjo_parent_id"]) == ("r1", "r0")
    assert span["junjo_wf_graph_structure"] == {"v": 1, "nodes": [{"id": "a", "type": "T", "label": "L"}], "edges": []}
    assert span["attributes_json"]["junjo.workflow.execution_graph_snapshot"] == snapshot


def newer(span_type: str, definition: str, runtime: str, parent: str = "") -> StoredSpan:
    attributes = {
        "junjo.span_type": span_type,
        "junjo.executable_definition_id": definition,
        "junjo.executable_runtime_id": runtime,
    } | ({"junjo.parent_executable_runtime_id": parent} if parent else {})
    return _BARE._replace(parent_span_id="03" * 8, attributes_json=orjson.dumps(attributes).decode())


def test_a_subflow_has_the_name_that_graphs_have_for_it_and_its_children_call_it_so() -> None:
    workflow, outer = newer("workflow", "wd", "wr"), newer("subflow", "sd", "sr", "wr")
    inner, node, last = newer("subflow", "id", "ir", "sr"), newer("node", "n", "n", "ir"), newer("node", "m", "m", "wr")
    shown_ids = [
        (span["junjo_id"], span["junjo_parent_id"]) for span in span_documents([last, node, inner, outer, workflow])
    ]
    assert shown_ids == [("m", "wr"), ("n", "id"), ("id", "sd"), ("sd", "wr"), ("wr", "")]
    for child, parent in ((node, inner), (inner, outer), (outer, workflow)):
        alone = json.loads(render_span(child, parent))
        assert (alone["junjo_id"], alone["junjo_parent_id"]) in shown_ids
        assert may_be_in_subflow(child)
    assert not may_be_in_subflow(workflow)
    assert not may_be_in_subflow(_BARE)


def test_a_state_that_is_not_json_is_a_string() -> None:
    for text in ("not json", "{", "NaN", "[" * 2000):
        span = with_attributes(junjo__span_type="workflow", junjo__workflow__state__start=text)
        assert span["junjo_wf_state_start"] == text
        assert span["attributes_json"] == {}


def test_nothing_is_lost_that_no_column_shows() -> None:
    on_a_node = {"junjo__span_type": "node", "junjo__workflow__state__start": "{}", "junjo__workflow__store__id": "s"}
    assert with_attributes(**on_a_node)["attributes_json"] == {
        "junjo.workflow.state.start": "{}",
        "junjo.workflow.store.id": "s",
    }
    odd = {"junjo__id": 7, "junjo__span_type": ["workflow"], "junjo__parent_id": None}
    span = with_attributes(**odd)
    assert span["attributes_json"] == {"junjo.id": 7, "junjo.span_type": ["workflow"], "junjo.parent_id": None}
    assert (span["junjo_id"], span["junjo_span_type"], span["junjo_parent_id"]) == ("", "", "")
    null_state = with_attributes(junjo__span_type="workflow", junjo__workflow__state__end="null")
    assert (null_state["junjo_wf_state_end"], null_state["attributes_json"]) == (
        {},
        {"junjo.workflow.state.end": "null"},
    )


def test_legacy_attributes_without_a_column_stay() -> None:
    kept = with_attributes(junjo__workflow_id="w", node__id="n")["attributes_json"]
    assert kept == {"junjo.workflow_id": "w", "node.id": "n"}


def test_a_span_type_that_the_front_end_refuses_stays_an_attribute() -> None:
    span = with_attributes(junjo__span_type="agent", junjo__id="a1")
    assert (span["junjo_span_type"], span["junjo_id"]) == ("", "a1")
    assert span["attributes_json"] == {"junjo.span_type": "agent"}


@pytest.mark.parametrize("snapshot", [None, [], {}, {"nodes": 1, "edges": []}, {"nodes": [1], "edges": []}, "x"])
def test_a_snapshot_that_is_none_draws_nothing(snapshot: object) -> None:
    assert drawn_graph(snapshot) is None
    span = with_attributes(junjo__span_type="workflow", junjo__workflow__execution_graph_snapshot=json.dumps(snapshot))
    assert span["junjo_wf_graph_structure"] == {}


@pytest.mark.parametrize(
    "deep",
    ["[" * 300 + "]" * 300, '{"a":' * 300 + "1" + "}" * 300, "[" * 5000, "9" * 5000, "1e400", '"\\ud83d"', "NaN"],
    ids=lambda deep: deep[:6],
)
def test_a_snapshot_that_nobody_can_show_costs_its_graph_and_not_the_page(deep: str) -> None:
    """It is read in greater depth than it is written."""
    snapshot = json.dumps({"nodes": [{"nodeRuntimeId": "HERE"}], "edges": []}).replace('"HERE"', deep)
    span = with_attributes(
        junjo__span_type="workflow",
        junjo__workflow__execution_graph_snapshot=snapshot,
        junjo__workflow__state__start=deep,
    )
    assert span["junjo_wf_graph_structure"] == {}
    assert span["attributes_json"] == {"junjo.workflow.execution_graph_snapshot": snapshot}


def test_a_snapshot_is_drawn_in_the_old_form() -> None:
    drawn = drawn_graph(
        {
            "nodes": [
                {"nodeRuntimeId": "c", "nodeType": "RunConcurrent", "nodeLabel": "C", "isConcurrentSubgraph": True,
                 "childNodeRuntimeIds": ["a", "b"]},
                {"nodeRuntimeId": "s", "nodeType": "Sub", "nodeLabel": "S", "isSubflow": True,
                 "subflowSourceNodeRuntimeId": "x", "subflowSinkNodeRuntimeIds": ["y", "z"]},
            ],
            "edges": [
                {"edgeStructuralId": "e", "tailNodeRuntimeId": "c", "headNodeRuntimeId": "s",
                 "edgeConditionLabel": "If", "edgeScope": "explicit", "parentSubflowRuntimeId": None},
            ],
        }
    )  # fmt: skip
    assert drawn == {
        "v": 1,
        "nodes": [
            {"id": "c", "type": "RunConcurrent", "label": "C", "isSubgraph": True, "children": ["a", "b"]},
            {"id": "s", "type": "Sub", "label": "S", "isSubflow": True, "subflowSourceId": "x", "subflowSinkId": "y"},
        ],
        "edges": [{"id": "e", "source": "c", "target": "s", "condition": "If", "type": "explicit", "subflowId": None}],
    }

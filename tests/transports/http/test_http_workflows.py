"""Runs of workflows and agents over HTTP: recordings of both generations of junjo."""

import json
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from actors.span_store.traces import run_views
from tests.http_studio import Reply, http_config, running_http_studio
from tests.spans import any_value
from tests.transports.http.stage import Reader, made
from transports.otlp.decode import decode_trace_request

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings"
FILES = ("junjo_0.62.0.bin", "junjo_0.69.0.bin")
REFUSED = [  # path, and status
    ("/states?at=8", 404),
    ("/states?at=-1", 422),
    ("/states?at=x", 422),
    ("/states?around=1", 422),
    ("/diff?from=0&to=8", 404),
    ("/diff?from=0", 422),
    ("/blame?path=/nowhere", 404),
    ("/blame?path=nowhere", 422),
    ("/blame?path=/a~2", 422),
    ("/compare?with=1/2", 422),
    (f"/compare?with={'0' * 32}/{'0' * 16}", 404),
]


@cache
def places_of(file: str, name: str) -> list[str]:
    """Traces and spans of the runs with this name, oldest first."""
    spans = decode_trace_request((RECORDINGS / file).read_bytes()).spans
    found = sorted(
        (span.start_time_unix_nano, f"{span.trace_id}/{span.span_id}") for span in spans if span.name == name
    )
    return [place for _, place in found]


def place_of(file: str, name: str) -> str:
    """Trace and span of the only run with this name."""
    [place] = places_of(file, name)
    return place


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Reader]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        reader = Reader(studio, await studio.set_up())
        for file in FILES:
            await reader.send_bytes((RECORDINGS / file).read_bytes())
        yield reader


async def test_both_generations_are_answered_alike(studio: Reader) -> None:
    for file in FILES:
        place = place_of(file, "Emit Workflow")
        run = await asked(studio, place)
        assert (run["kind"], run["name"], run["state"]["steps"]) == ("workflow", "Emit Workflow", 7)
        assert run["integrity"] == {"verdict": "complete", "losses": []}
        assert [each["step"] for each in (await asked(studio, f"{place}/states"))["steps"]] == [*range(1, 8)]
        assert (await asked(studio, f"{place}/states?at=0"))["state"] == run["state"]["start"]
        assert (await asked(studio, f"{place}/states?at=7"))["state"] == run["state"]["end"]
        changed = await asked(studio, f"{place}/diff?from=3&to=4")
        assert changed == {"from": 3, "to": 4, "patch": [{"op": "replace", "path": "/b", "value": 2}]}
        blamed = await asked(studio, f"{place}/blame?path=/b")
        assert (blamed["step"], blamed["node"], blamed["value"]) == (4, "IncB", 2)


async def test_two_runs_are_compared_node_by_node(studio: Reader) -> None:
    one, other = (place_of(file, "Emit Workflow") for file in FILES)
    found = await asked(studio, f"{one}/compare?with={other}")
    assert found["first_difference"] is None
    assert {node["label"] for node in found["nodes"]} == {
        *("First", "Count", "Concurrent Pair", "IncA", "IncB", "JokeFlow", "Final")
    }
    [joke] = [node for node in found["nodes"] if node["label"] == "JokeFlow"]
    assert joke["a"]["tokens"]["input"] == joke["b"]["tokens"]["input"] == 9
    assert joke["a"]["patch"] == [{"op": "replace", "path": "/joke", "value": "a joke about laser"}]


async def test_tokens_and_costs_are_those_of_the_calls_in_each_node(studio: Reader) -> None:
    await studio.send_bytes((RECORDINGS / "junjo_runs_0.69.0.bin").read_bytes())
    one, other = places_of("junjo_runs_0.69.0.bin", "Report")
    found = await asked(studio, f"{one}/compare?with={other}")
    drafts = [node for node in found["nodes"] if node["label"] == "Draft"]
    assert [side and side["tokens"]["input"] for node in drafts for side in (node["a"], node["b"])] == [
        *(100, 100, 200, 200, None, 300)
    ]
    assert drafts[0]["a"]["cost_usd"] == pytest.approx(100 * 2.5e-6 + 20 * 10e-6)
    assert drafts[2]["a"] is None
    reviews = [node for node in found["nodes"] if node["label"] == "Review"]
    assert reviews[0]["a"]["tokens"] is reviews[0]["a"]["cost_usd"] is None
    agent = await asked(studio, places_of("junjo_runs_0.69.0.bin", "Librarian")[0])
    assert (agent["kind"], agent["graph"], agent["integrity"]["verdict"]) == ("agent", None, "complete")


async def test_a_failing_run_is_compared_with_one_that_worked(studio: Reader) -> None:
    worked, failed = place_of(FILES[1], "Emit Workflow"), place_of(FILES[1], "Failing Workflow")
    found = await asked(studio, f"{worked}/compare?with={failed.upper()}")
    assert found["first_difference"] == {"step": 3, "path": "/count"}
    sides = {node["label"]: [node[side] and node[side]["status"] for side in "ab"] for node in found["nodes"]}
    assert sides["First"] == ["ok", "ok"]
    assert sides["Boom"] == [None, "error"]
    assert sides["Final"] == ["ok", None]


async def test_what_is_not_there_is_refused(studio: Reader) -> None:
    place = place_of(FILES[1], "Emit Workflow")
    for path, status in REFUSED:
        reply = await got(studio, place + path)
        assert reply.status == status, (path, reply.body)


async def test_spans_that_are_no_runs_have_none(studio: Reader) -> None:
    for name in ("Concurrent Pair", "Count", "ChatCompletion", "plain http request"):
        assert (await got(studio, place_of(FILES[1], name))).status == 404
    assert (await got(studio, f"{'0' * 32}/{'0' * 16}")).status == 404
    assert (await got(studio, "xyz/1")).status == 422


async def test_a_run_that_grows_is_read_again(studio: Reader) -> None:
    """Its spans come in two parts, the workflow's own first."""
    request = otlp_in("junjo_runs_0.69.0.bin")
    place = places_of("junjo_runs_0.69.0.bin", "Report")[0]
    whole = request.SerializeToString()
    [resource] = request.resource_spans
    for scope in resource.scope_spans:
        kept = [span for span in scope.spans if span.name == "Report"]
        del scope.spans[:]
        scope.spans.extend(kept)
    await studio.send_bytes(request.SerializeToString())
    first = await asked(studio, place)
    assert {node["status"] for node in first["nodes"]} == {"not_run"}
    assert {loss["kind"] for loss in first["integrity"]["losses"]} == {
        "missing_transitions",
        "revision_gap",
        "end_differs",
    }
    await studio.send_bytes(whole)
    assert (await asked(studio, place))["integrity"]["verdict"] == "complete"


async def test_an_answer_that_the_client_has_is_not_sent_again(studio: Reader) -> None:
    path = f"/api/v1/workflows/{place_of(FILES[1], 'Emit Workflow')}/states?at=3"
    reply = await studio.studio.call("GET", path, cookie=studio.cookie)
    known = {"If-None-Match": reply.headers["ETag"]}
    assert (await studio.studio.call("GET", path, cookie=studio.cookie, headers=known)).status == 304


async def test_a_run_that_takes_too_long_or_too_much_is_refused(
    studio: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(FILES[1], "Emit Workflow")
    monkeypatch.setattr(run_views, "_MOST_SECONDS", -1.0)
    assert (await got(studio, place)).status == 504
    monkeypatch.undo()
    monkeypatch.setattr(run_views, "MOST_BYTES", 1000)
    assert (await got(studio, place)).status == 413
    monkeypatch.undo()
    assert (await got(studio, place)).status == 200


async def test_a_run_of_many_megabytes_is_answered(studio: Reader) -> None:
    """More than is read outside the budget of answers."""
    root = made(1)
    told = {"junjo.span_type": "workflow", "junjo.workflow.store.id": "s", "junjo.workflow.state.start": '{"a":""}'}
    add_all(root.attributes, told)
    for step in range(1, 301):
        event = root.events.add(name="set_state", time_unix_nano=root.start_time_unix_nano + step)
        patch = [{"op": "replace", "path": "/a", "value": f"{step:020000}"}]
        add_all(event.attributes, {"junjo.store.id": "s", "junjo.state_json_patch": json.dumps(patch)})
    root.end_time_unix_nano = root.start_time_unix_nano + 1000
    await studio.send(root)
    place = f"{root.trace_id.hex()}/{root.span_id.hex()}"
    assert (await asked(studio, f"{place}/states?at=150"))["state"]["a"].lstrip("0") == "150"
    assert len((await asked(studio, f"{place}/states"))["steps"]) == 300
    assert (await asked(studio, f"{place}/blame?path=/a"))["step"] == 300
    reply = await studio.get_unchecked(f"../../workflows/{place}/compare?with={place}")
    assert reply.json == {"nodes": [], "first_difference": None}


async def test_a_run_that_is_deleted_is_not_answered_from_memory(studio: Reader) -> None:
    place = place_of(FILES[0], "Emit Workflow")
    await asked(studio, f"{place}/states?at=3")
    trace_id = place.partition("/")[0]
    reply = await studio.studio.call("DELETE", f"/api/v1/observability/traces/{trace_id}", cookie=studio.cookie)
    assert reply.status == 200
    assert (await got(studio, f"{place}/states?at=3")).status == 404


def add_all(attributes: Any, told: dict[str, str]) -> None:
    for key, value in told.items():
        attributes.add(key=key, value=any_value(value))


def otlp_in(file: str) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString((RECORDINGS / file).read_bytes())


async def got(studio: Reader, path: str) -> Reply:
    return await studio.studio.call("GET", f"/api/v1/workflows/{path}", cookie=studio.cookie)


async def asked(studio: Reader, path: str) -> Any:
    reply = await got(studio, path)
    assert reply.status == 200, reply.body
    return reply.json

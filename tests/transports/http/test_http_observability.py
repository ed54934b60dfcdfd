import gzip
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.http_studio import HttpStudio
from tests.spans import request_of

pytestmark = pytest.mark.integration

_FOLDER = Path(__file__).parents[2] / "recordings"
_API = "/api/v1/observability"


async def pages(studio: HttpStudio, path: str, cookie: str) -> list[list[dict[str, Any]]]:
    """All pages, reached through the Link header."""
    found = []
    following: str | None = path
    while following:
        reply = await studio.call("GET", following, cookie=cookie)
        assert reply.status == 200
        found.append(reply.json)
        link = reply.headers.get("Link")
        following = link.removeprefix("<").removesuffix('>; rel="next"') if link else None
        assert (following is None) == ("X-Next-Cursor" not in reply.headers)
    return found


async def test_pages_hold_every_span_once(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    await studio.send_spans(key, request_of("a/b?c d", 100))
    path = f"{_API}/services/{quote('a/b?c d', safe='')}/spans"
    found = await pages(studio, f"{path}?limit=17", cookie)
    assert [len(page) for page in found] == [17] * 5 + [15]
    ids = [span["span_id"] for page in found for span in page]
    assert len(set(ids)) == 100
    (everything,) = await pages(studio, path, cookie)
    assert [span["span_id"] for span in everything] == ids
    starts = [span["start_time"] for span in everything]
    assert starts == sorted(starts, reverse=True)


async def test_the_cursor_header_says_the_same_as_the_link(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    await studio.send_spans(await studio.make_key(cookie), request_of("tests", 3))
    first = await studio.call("GET", f"{_API}/services/tests/spans/root?limit=2&has_llm=0", cookie=cookie)
    cursor = first.headers["X-Next-Cursor"]
    assert first.headers["Link"] == f'<{_API}/services/tests/spans/root?limit=2&has_llm=0&after={cursor}>; rel="next"'
    rest = await studio.call("GET", f"{_API}/services/tests/spans/root?after={cursor}", cookie=cookie)
    assert len(rest.json) == 1


@pytest.mark.parametrize(("recording", "service"), [("junjo_0.62.0", "emit-legacy"), ("junjo_0.69.0", "emit-new")])
async def test_both_generations_of_junjo_fill_the_page_of_a_workflow(
    studio: HttpStudio, recording: str, service: str
) -> None:
    cookie = await studio.set_up()
    body = gzip.compress((_FOLDER / f"{recording}.bin").read_bytes())
    sent = await studio.send_spans(await studio.make_key(cookie), body, **{"Content-Encoding": "gzip"})
    assert sent.status == 200
    workflows = (await studio.call("GET", f"{_API}/services/{service}/workflows", cookie=cookie)).json
    workflow = next(span for span in workflows if span["name"] == "Emit Workflow")
    spans = (await studio.call("GET", f"{_API}/traces/{workflow['trace_id']}/spans", cookie=cookie)).json
    nodes = [span for span in spans if span["junjo_span_type"] in ("node", "run_concurrent", "subflow")]
    drawn = {node["id"]: node for node in workflow["junjo_wf_graph_structure"]["nodes"]}
    shown = [span for span in nodes if span["junjo_id"] in drawn]
    assert {"First", "Count", "IncA", "IncB", "Concurrent Pair"} <= {span["name"] for span in shown}
    assert all(span["junjo_parent_id"] for span in nodes)
    pair = next(node for node in drawn.values() if node["label"] == "Concurrent Pair")
    assert pair["isSubgraph"] is True
    assert set(pair["children"]) <= set(drawn)
    subflow = next(node for node in drawn.values() if node.get("isSubflow"))
    assert subflow["subflowSourceId"] != subflow["subflowSinkId"]
    assert {edge["source"] for edge in workflow["junjo_wf_graph_structure"]["edges"]} <= set(drawn)
    assert workflow["junjo_wf_state_start"]
    assert workflow["junjo_wf_store_id"]
    assert any(event["name"] == "set_state" for span in spans for event in span["events_json"])


async def test_one_span_and_null(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    await studio.send_spans(await studio.make_key(cookie), request_of("tests", 1))
    trace = f"{_API}/traces/{1:032x}/spans"
    assert (await studio.call("GET", f"{trace}/{1:016x}", cookie=cookie)).json["name"] == "span 1"
    assert (await studio.call("GET", f"{trace}/{2:016x}", cookie=cookie)).body == b"null"
    upper = await studio.call("GET", f"{_API}/traces/{'AB' * 16}/spans", cookie=cookie)
    assert upper.json == []


@pytest.mark.security
async def test_a_key_reads_only_with_the_scope_for_it(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reading, ingesting = await studio.make_key(cookie, "read"), await studio.make_key(cookie, "ingest")
    services = f"{_API}/services"
    assert (await studio.call("GET", services, headers={"Authorization": f"Bearer {reading}"})).status == 200
    assert (await studio.call("GET", services, headers={"x-junjo-api-key": reading})).status == 200
    assert (await studio.call("GET", services, headers={"Authorization": f"Bearer\t{reading}"})).status == 200
    beside = {"x-junjo-api-key": "", "Authorization": f"Bearer {reading}"}
    assert (await studio.call("GET", services, headers=beside)).status == 200
    for headers, status, detail in (
        ({"x-junjo-api-key": ingesting}, 403, "This key lacks the scope read"),
        ({"x-junjo-api-key": "x" * 64}, 401, "Unauthorized: This API key is unknown"),
        (
            {"Authorization": f"Basic {reading}"},
            401,
            "Unauthorized: The Authorization header is not of the form Bearer KEY",
        ),
    ):
        reply = await studio.call("GET", services, headers=headers)
        assert (reply.status, reply.json) == (status, {"detail": detail})
    nameless: tuple[dict[str, str], ...] = (
        {},
        {"x-junjo-api-key": ""},
        {"Authorization": " "},
        {"Cookie": "session=x"},
    )
    for headers in nameless:
        reply = await studio.call("GET", services, headers=headers)
        assert (reply.status, reply.body) == (401, b'{"detail":"Unauthorized: No valid session"}')
    for path in ("/users", "/api_keys", "/auth-test"):  # a key is nobody: it has no account
        assert (await studio.call("GET", path, headers={"x-junjo-api-key": reading})).status == 401


@pytest.mark.security
async def test_a_revoked_key_reads_no_more(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    (listed,) = (await studio.call("GET", "/api_keys", cookie=cookie)).json
    assert listed["key"] == f"{key[:6]}…{key[-4:]}"
    assert (await studio.call("DELETE", f"/api_keys/{listed['id']}", cookie=cookie)).body == b""
    assert (await studio.call("GET", f"{_API}/services", headers={"x-junjo-api-key": key})).status == 401


async def test_metrics_count_the_messages(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie, "read")
    assert (await studio.call("GET", "/metrics")).status == 401
    reply = await studio.call("GET", "/metrics", headers={"x-junjo-api-key": key})
    assert b'studio_messages_asked_total{message="CreateFirstUser"} 1.0' in reply.body
    for lane in (b"serial", b"reads", b"searches", b"deletions"):
        for gauge in (b"waiting", b"at_work"):
            assert b'studio_lane_%s{actor="SpanStoreActor",lane="%s"} 0.0' % (gauge, lane) in reply.body
        assert b'studio_lane_refused_total{actor="SpanStoreActor",lane="%s"} 0.0' % lane in reply.body
    for line in (
        b'studio_streams{actor="SpanStoreActor",message="ExportSpans"} 0.0',
        b'studio_alerts{state="firing"} 0.0',
        b"studio_alert_messages_waiting 0.0",
        b"studio_alert_checks_failed_total 0.0",
        b"studio_event_loop_lag_seconds 0.",
        b"studio_live_followers 0.0",
        b"studio_live_catching_up 0.0",
        b"studio_live_skipped_total 0.0",
    ):
        assert line in reply.body

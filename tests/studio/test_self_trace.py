"""The studio's own traces: what they say, what they do not, and how many there may be."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from actors.errors import NotFound
from actors.runtime.observed_bus import ObservedBus
from actors.runtime.supervisor import Supervisor
from actors.span_store.actor import SpanStoreActor
from actors.span_store.messages import DeleteTrace, ListServices, SearchSpans
from studio.self_trace import MOST_WAITING, SERVICE, SelfTrace
from tests.actors.span_store.stage import BY, state_when
from tests.embedded_store import embedded_store
from tests.studio_process import studio_process

pytestmark = pytest.mark.integration

OBSERVABILITY = "/api/v1/observability"
ADMIN = {"email": "admin@example.com", "password": "correct horse battery"}


@asynccontextmanager
async def observed_store(folder: Path, own: SelfTrace) -> AsyncIterator[ObservedBus]:
    bus = ObservedBus(own)
    supervisor = Supervisor(bus)
    path = folder / "traces.duckdb"
    supervisor.add(SpanStoreActor, lambda bus: embedded_store(bus, path, accounts=folder / "junjo.db"))
    await supervisor.start()
    try:
        yield bus
    finally:
        await supervisor.stop()


async def named(session: aiohttp.ClientSession, name: str) -> Mapping[str, Any]:
    """A trace of the studio with this name, as soon as there is one."""
    while True:
        async with session.get(f"{OBSERVABILITY}/traces", params={"service": SERVICE, "sort": "start"}) as answer:
            traces = (await answer.json())["traces"]
        for trace in traces:
            if trace["name"] == name:
                async with session.get(f"{OBSERVABILITY}/traces/{trace['trace_id']}") as answer:
                    found: Mapping[str, Any] = await answer.json()
                return found


async def test_a_request_is_a_trace_with_what_was_asked_for_it(tmp_path: Path) -> None:
    async with (
        studio_process(tmp_path / "data", JUNJO_SELF_TRACE="1") as studio,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{studio.http_port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
    ):
        async with session.post("/users/create-first-user", json=ADMIN) as answer:
            assert answer.status == 200
        async with session.get(f"{OBSERVABILITY}/services", params={"secret": "hunter2"}) as answer:
            assert answer.status == 200
        async with session.request("PURGE", "/coffee/hunter2") as answer:
            assert answer.status in (404, 405)
        listed = await named(session, f"GET {OBSERVABILITY}/services")
        missed = await named(session, "_OTHER (no route)")
        async with session.get(f"{OBSERVABILITY}/export", params={"format": "jsonl"}) as answer:
            everything = await answer.text()
    root, *asked = listed["spans"]
    assert (root["kind"], root["status"], root["parent_span_id"]) == ("server", "unset", None)
    assert "ListServices" in {span["name"] for span in asked}
    assert {span["parent_span_id"] for span in asked} <= {span["span_id"] for span in listed["spans"]}
    assert missed["trace"]["error_count"] == 0
    for secret in ("hunter2", "coffee", ADMIN["password"], ADMIN["email"]):
        assert secret not in everything
    assert "IngestSpans" not in everything


async def test_a_failed_ask_is_an_error_and_what_is_asked_outside_of_requests_is_no_span(tmp_path: Path) -> None:
    own = SelfTrace()
    async with observed_store(tmp_path, own) as bus:
        await bus.ask(ListServices())
        async with own.storing(bus):
            with own.answering("DELETE", "/traces/{trace_id}") as answer:
                with pytest.raises(NotFound):
                    await bus.ask(DeleteTrace(trace_id=f"{1:032x}", by=BY))
                answer.status = 404
            await bus.ask(ListServices())
        spans = (await bus.ask(SearchSpans(service_name=SERVICE))).spans
    told = {span.name: (span.status_code, json.loads(span.attributes_json).get("error.type")) for span in spans}
    assert told == {"DELETE /traces/{trace_id}": (0, None), "DeleteTrace": (2, "NotFound")}


async def test_a_client_that_leaves_is_told_of_and_the_next_request_is_a_trace_of_its_own(tmp_path: Path) -> None:
    own = SelfTrace()
    async with observed_store(tmp_path, own) as bus:
        async with own.storing(bus):
            with pytest.raises(asyncio.CancelledError), own.answering("GET", "/left"):
                raise asyncio.CancelledError
            with own.answering("GET", "/next") as answer:
                answer.status = 200
        spans = {span.name: span for span in (await bus.ask(SearchSpans(service_name=SERVICE))).spans}
    assert spans["GET /left"].status_code == 2
    assert "http.response.status_code" not in spans["GET /left"].attributes_json
    assert spans["GET /next"].status_code == 0
    assert len({span.trace_id for span in spans.values()}) == 2


async def test_spans_that_wait_are_bounded_and_the_log_says_what_was_dropped(tmp_path: Path) -> None:
    own = SelfTrace()
    for _ in range(MOST_WAITING + 7):
        with own.answering("GET", "/many") as answer:
            answer.status = 200
    with capture_logs() as logs:
        async with observed_store(tmp_path, own) as bus, own.storing(bus):
            await state_when(bus, lambda state: state.recent_spans == MOST_WAITING)
            while not any(line["event"].startswith("spans of the studio itself were dropped") for line in logs):
                await bus.ask(ListServices())  # answered in a thread: an answer from memory lets nobody else go on
    assert [line["spans"] for line in logs if "dropped" in line["event"]] == [7]

"""Traces and services deleted over REST: by people only, and on record."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.actors.stage import rows
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import otlp_request, otlp_span

pytestmark = pytest.mark.integration

TRACE = f"/api/v1/observability/traces/{1:032x}"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


async def send(studio: HttpStudio, cookie: str, service: str = "tests", trace_id: int = 1) -> str:
    key = await studio.make_key(cookie)
    request = otlp_request(otlp_span(1, trace_id=trace_id), otlp_span(2, trace_id=trace_id), service=service)
    assert (await studio.send_spans(key, request.SerializeToString())).status == 200
    return key


async def test_a_trace_is_deleted_once(studio: HttpStudio, tmp_path: Path) -> None:
    cookie = await studio.set_up()
    await send(studio, cookie)
    reply = await studio.call("DELETE", TRACE, cookie=cookie)
    assert (reply.status, reply.json) == (200, {"deleted_spans": 2})
    assert (await studio.call("GET", f"{TRACE}/spans", cookie=cookie)).json == []
    again = await studio.call("DELETE", TRACE, cookie=cookie)
    assert (again.status, again.json) == (404, {"detail": "Trace not found"})
    trail = rows(tmp_path / "junjo.db", "SELECT user_email FROM audit_trail WHERE resource_type = 'trace' ORDER BY id")
    assert trail == [("admin@example.com",)]


async def test_a_service_with_a_slash_in_its_name_is_deleted(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    await send(studio, cookie, "a/b {c}")
    await send(studio, cookie, "other", trace_id=2)
    path = f"/api/v1/observability/services/{quote('a/b {c}', safe='')}"
    assert (await studio.call("DELETE", path, cookie=cookie)).json == {"deleted_spans": 2}
    assert (await studio.call("GET", "/api/v1/observability/services", cookie=cookie)).json == ["other"]
    assert (await studio.call("DELETE", path, cookie=cookie)).json == {"detail": "Service not found"}


async def test_a_key_deletes_nothing(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await send(studio, cookie)
    assert (await studio.call("DELETE", TRACE, headers={"x-junjo-api-key": key})).status == 401
    assert (await studio.call("DELETE", "/api/v1/observability/services/tests")).status == 401
    assert len((await studio.call("GET", f"{TRACE}/spans", cookie=cookie)).json) == 2

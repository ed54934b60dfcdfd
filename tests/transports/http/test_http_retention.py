"""The rule which spans are kept over HTTP: said, tried, set by admins, and fixed by the environment."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from actors.span_store.embedded.lifetime import Limits, Retention
from tests.http_studio import http_config, running_http_studio
from tests.spans import otlp_request, otlp_span

pytestmark = pytest.mark.integration

RULE = "/api/v1/retention"
DAY = 24 * 3600 * 10**9


async def test_a_rule_is_tried_and_then_set(tmp_path: Path) -> None:
    now = time.time_ns()
    async with running_http_studio(tmp_path, http_config(), store_limits=Limits(flush_at=1)) as studio:
        cookie = await studio.set_up()
        key = await studio.make_key(cookie)
        for trace, age in ((1, 10), (2, 0)):
            body = otlp_request(otlp_span(1, trace_id=trace, start=now - age * DAY)).SerializeToString()
            assert (await studio.send_spans(key, body)).status == 200
        nothing = {"days": None, "days_set_by": None, "gb": None, "gb_set_by": None}
        assert (await studio.call("GET", RULE, cookie=cookie)).json == nothing
        tried = await studio.call("GET", f"{RULE}/preview?days=7", cookie=cookie)
        while tried.json["spans"] == 0:  # until both are in files
            tried = await studio.call("GET", f"{RULE}/preview?days=7", cookie=cookie)
        assert (tried.json["spans"], tried.json["files"], tried.json["waits"]) == (1, 1, None)
        assert (await studio.call("GET", RULE, cookie=cookie)).json == nothing
        put = await studio.call("PUT", RULE, body={"days": 7.5, "gb": 0.5}, cookie=cookie)
        assert put.json == {"days": 7.5, "days_set_by": "settings", "gb": 0.5, "gb_set_by": "settings"}
        assert (await studio.call("GET", RULE, cookie=cookie)).json == put.json


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"days": 0}, "days"),
        ({"days": -1}, "days"),
        ({"gb": 0.0001}, "gb"),
        ({"days": 1e300}, "days"),
        ({"gb": "x"}, "gb"),
    ],
)
async def test_a_rule_that_is_none_is_refused_where_it_is_wrong(
    tmp_path: Path, body: dict[str, object], at: str
) -> None:
    async with running_http_studio(tmp_path, http_config()) as studio:
        cookie = await studio.set_up()
        for reply in (
            await studio.call("PUT", RULE, body=body, cookie=cookie),
            await studio.call("GET", f"{RULE}/preview?{at}={body[at]}", cookie=cookie),
        ):
            assert reply.status == 422
            assert reply.json["detail"][0]["loc"][-1] == at


async def test_what_the_environment_sets_is_said_and_not_changed(tmp_path: Path) -> None:
    limits = Limits(retention=Retention(age=timedelta(days=30)))
    async with running_http_studio(tmp_path, http_config(), store_limits=limits) as studio:
        cookie = await studio.set_up()
        kept = (await studio.call("GET", RULE, cookie=cookie)).json
        assert kept == {"days": 30.0, "days_set_by": "environment", "gb": None, "gb_set_by": None}
        refused = await studio.call("PUT", RULE, body={"days": 7}, cookie=cookie)
        assert refused.status == 409
        assert "JUNJO_RETENTION_DAYS" in refused.json["detail"]
        assert (await studio.call("PUT", RULE, body={"days": 30, "gb": 5}, cookie=cookie)).status == 200

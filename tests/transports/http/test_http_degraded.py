"""The HTTP side while the span store cannot be opened: clear states, and everything else as usual."""

from pathlib import Path

import pytest

from tests.http_studio import http_config, running_http_studio
from tests.spans import many_spans

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]


async def test_a_damaged_index_is_on_health_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "traces.duckdb").write_text("no database")
    async with running_http_studio(tmp_path, http_config()) as studio:
        brief = {"status": "degraded", "version": "0.1.0", "app_name": "Junjo AI Studio"}
        health = await studio.call("GET", "/health")
        assert (health.status, health.json) == (200, brief)
        cookie = await studio.set_up()
        assert (await studio.call("GET", "/health/details", cookie=cookie)).json == brief | {
            "problems": ["The span index is damaged: stop the studio and run studio repair"],
            "ingestion": None,
            "store": None,
            "accounts": "ok",
            "retention": {"waiting": None},
            "background": [],
        }
        key = await studio.make_key(cookie)
        for reply in (
            await studio.send_spans(key, many_spans(10, seed=1)),
            await studio.call("GET", "/api/v1/observability/services", cookie=cookie),
        ):
            assert reply.status == 503
            assert int(reply.headers["Retry-After"]) > 0

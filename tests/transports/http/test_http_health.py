"""The health routes: brief for everybody, and in full for those who may read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from actors import sqlite
from actors.span_store.embedded.lifetime import Limits, Retention
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import many_spans

pytestmark = pytest.mark.integration

DETAILS = "/health/details"
BRIEF = {"status": "ok", "version": "0.1.0", "app_name": "Junjo AI Studio"}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program that holds the file for the length of the block."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


async def test_health_has_three_members_in_order(studio: HttpStudio) -> None:
    reply = await studio.call("GET", "/health")
    assert (reply.status, list(reply.json.items())) == (200, list(BRIEF.items()))


async def test_details_say_what_is_stored(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    await studio.send_spans(key, many_spans(20, seed=1))
    reply = await studio.call("GET", DETAILS, headers={"x-junjo-api-key": key})
    details = reply.json
    assert details["store"].pop("recent_bytes") > 0
    assert list(details.items()) == [
        *BRIEF.items(),
        ("problems", []),
        ("ingestion", None),
        ("store", {"recent_spans": 20, "segments": 0, "segment_bytes": 0, "sealed_spans": 0}),
        ("accounts", "ok"),
        ("retention", {"waiting": None}),
        ("background", []),
    ]
    assert (await studio.call("GET", DETAILS, cookie=cookie)).status == 200


async def test_retention_that_waits_says_why(tmp_path: Path) -> None:
    (tmp_path / "traces.clock").write_text("1700000000")  # when it ran last
    limits = Limits(retention=Retention(age=timedelta(days=30)))
    async with running_http_studio(tmp_path, http_config(), store_limits=limits) as studio:
        details = (await studio.call("GET", DETAILS, cookie=await studio.set_up())).json
    assert details["status"] == "ok"
    assert details["problems"] == []
    assert "ahead of the last run" in details["retention"]["waiting"]


@pytest.mark.security
async def test_details_are_for_who_may_read(studio: HttpStudio) -> None:
    assert (await studio.call("GET", DETAILS)).status == 401
    assert (await studio.call("GET", "/health")).json == BRIEF


@pytest.mark.error_recovery
async def test_accounts_that_cannot_be_written_degrade_until_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_OPEN_TIMEOUT", 0.05)
    async with running_http_studio(tmp_path, http_config()) as studio:
        cookie = await studio.set_up()
        second = {"email": "second@example.com", "password": "password123"}
        with locked(tmp_path / "junjo.db"):
            assert (await studio.call("POST", "/users", body=second, cookie=cookie)).status == 503
        assert (await studio.call("GET", "/health")).json == BRIEF | {"status": "degraded"}
        details = (await studio.call("GET", DETAILS, cookie=cookie)).json
        assert (details["status"], details["accounts"], len(details["problems"])) == ("degraded", "degraded", 1)
        assert (await studio.call("POST", "/users", body=second, cookie=cookie)).status == 200
        assert (await studio.call("GET", DETAILS, cookie=cookie)).json["accounts"] == "ok"


@pytest.mark.error_recovery
async def test_health_answers_200_while_nobody_is_there_to_ask(studio: HttpStudio) -> None:
    await studio.supervisor.stop()
    reply = await studio.call("GET", "/health")
    assert (reply.status, reply.json) == (200, BRIEF | {"status": "degraded"})

"""``/api/v1/prices``."""

import re
from typing import Any

import pytest

from tests.http_studio import HttpStudio

pytestmark = pytest.mark.integration

PRICES = "/api/v1/prices"
NEW = {"model": "gpt-4o*", "valid_from": "2026-11-01T00:00:00Z", "per_million": {"input": 2.5, "output": 10}}


@pytest.fixture
async def admin(studio: HttpStudio) -> str:
    return await studio.set_up()


async def make(studio: HttpStudio, cookie: str, **members: Any) -> dict[str, Any]:
    reply = await studio.call("POST", PRICES, body=NEW | members, cookie=cookie)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def test_a_price_is_set_listed_and_dropped(studio: HttpStudio, admin: str) -> None:
    made = await make(studio, admin, provider="azure")
    created = made.pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", created)
    assert made == {
        "id": made["id"],
        "model": "gpt-4o*",
        "provider": "azure.openai",
        "valid_from": "2026-11-01T00:00:00.000000000Z",
        "per_million": {"input": 2.5, "output": 10.0, "cache_read": None, "cache_write": None},
    }
    key = await studio.make_key(admin, "read")
    listed = (await studio.call("GET", f"{PRICES}?model=gpt-4o", headers={"x-junjo-api-key": key})).json
    assert listed["prices"] == [made | {"created_at": created}]
    assert listed["table"]["source"] == "package"
    assert (await studio.call("GET", f"{PRICES}?model=claude", cookie=admin)).json["prices"] == []
    assert (await studio.call("DELETE", f"{PRICES}/{made['id']}", cookie=admin)).status == 204
    gone = await studio.call("DELETE", f"{PRICES}/{made['id']}", cookie=admin)
    assert (gone.status, gone.json) == (404, {"detail": "There is no such price"})
    assert (await studio.call("GET", PRICES, cookie=admin)).json["prices"] == []


async def test_a_beginning_may_be_relative(studio: HttpStudio, admin: str) -> None:
    assert (await make(studio, admin, valid_from="now-7d", restate=True))["valid_from"] > "2026"


@pytest.mark.security
@pytest.mark.parametrize(
    ("members", "location", "kind"),
    [
        ({"model": ""}, ["body", "model"], "string_too_short"),
        ({"model": "x" * 10_000}, ["body", "model"], "string_too_long"),
        ({"provider": " "}, ["body", "provider"], "string_too_short"),
        ({"valid_from": "soon"}, ["body", "valid_from"], "time_parsing"),
        ({"valid_from": "2263-01-01T00:00:00Z"}, ["body", "valid_from"], "time_parsing"),
        ({"per_million": {"input": 1}}, ["body", "per_million", "output"], "missing"),
        ({"per_million": {"input": -1, "output": 1}}, ["body", "per_million", "input"], "greater_than_equal"),
        ({"per_million": {"input": 1, "output": 1e308}}, ["body", "per_million", "output"], "less_than_equal"),
        ({"per_million": {"input": 1, "output": "NaN"}}, ["body", "per_million", "output"], "float_parsing"),
        ({"per_million": {"input": True, "output": 1}}, ["body", "per_million", "input"], "float_type"),
    ],
)
async def test_hostile_prices_are_unprocessable(
    studio: HttpStudio, admin: str, members: dict[str, Any], location: list[str], kind: str
) -> None:
    reply = await studio.call("POST", PRICES, body=NEW | members, cookie=admin)
    assert reply.status == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.json["detail"]] == [(location, kind)]


@pytest.mark.security
@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
async def test_what_is_no_number_of_json_is_refused(studio: HttpStudio, admin: str, number: bytes) -> None:
    body = b'{"model":"m","valid_from":"now","per_million":{"input":%s,"output":1}}' % number
    headers = {"Content-Type": "application/json"}
    reply = await studio.call("POST", PRICES, data=body, cookie=admin, headers=headers)
    assert reply.status == 422
    assert (await studio.call("GET", PRICES, cookie=admin)).json["prices"] == []


async def test_an_unknown_parameter_is_named(studio: HttpStudio, admin: str) -> None:
    reply = await studio.call("GET", f"{PRICES}?models=x", cookie=admin)
    assert reply.status == 422
    assert reply.json["detail"][0]["type"] == "extra_forbidden"

"""The exports that were refused lately, as the route tells of them."""

import pytest

from tests.http_studio import HttpStudio
from tests.spans import otlp_request, otlp_span
from transports.misdirected_exporters import BAD_KEY, NO_KEY, WRONG_PATH

pytestmark = [pytest.mark.integration, pytest.mark.security]

BODY = otlp_request(otlp_span(1)).SerializeToString()
PATH = "/api/v1/refused-exports"


async def test_a_refused_export_is_there_with_its_cure_and_without_its_key(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    assert (await studio.call("GET", PATH, cookie=cookie)).json == {"refused": []}
    protobuf = {"Content-Type": "application/x-protobuf"}
    await studio.call("POST", "/v1/traces", data=BODY, headers=protobuf)
    await studio.call("POST", f"/v1/traces/{'S' * 64}", data=BODY, headers=protobuf)
    secret = "K" * 64
    for _ in range(2):
        assert (await studio.send_spans(secret, BODY)).status == 401
    reply = await studio.call("GET", PATH, cookie=cookie)
    told = [(each["fault"], each["times"], each["path"]) for each in reply.json["refused"]]
    assert told == [
        (BAD_KEY.name, 2, "/v1/traces"),
        (WRONG_PATH.name, 1, "/v1/traces/***"),
        (NO_KEY.name, 1, "/v1/traces"),
    ]
    assert all(each["sender"] == "127.0.0.1" and each["cure"] for each in reply.json["refused"])
    assert secret not in reply.body.decode()


async def test_what_was_not_stored_of_a_good_export_is_there(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    bad = otlp_span(1)
    bad.trace_id = b""
    assert (await studio.send_spans(key, otlp_request(bad, otlp_span(2)).SerializeToString())).status == 200
    [kept] = (await studio.call("GET", PATH, cookie=cookie)).json["refused"]
    assert kept["fault"] == "spans were not stored"
    assert kept["cure"].startswith("1 span(s) rejected: trace_id")

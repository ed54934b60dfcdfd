"""``/api/v1/views``."""

import re

import pytest

from tests.http_studio import HttpStudio

pytestmark = pytest.mark.integration

VIEWS = "/api/v1/views"
NEW = {"name": "What failed", "parameters": "q=status%3Aerror&cols=start%2Cname"}


async def test_a_view_is_saved_listed_and_dropped(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("POST", VIEWS, body=NEW | {"shared": True}, cookie=cookie)
    assert reply.status == 201, reply.json
    made = reply.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", made["created_at"])
    assert made | {"id": "", "owner": "", "created_at": ""} == {
        **NEW,
        "id": "",
        "page": "traces",
        "shared": True,
        "owner": "",
        "own": True,
        "created_at": "",
    }
    assert (await studio.call("GET", VIEWS, cookie=cookie)).json == {"views": [made]}
    assert (await studio.call("GET", f"{VIEWS}?page=live", cookie=cookie)).json == {"views": []}
    assert (await studio.call("DELETE", f"{VIEWS}/{made['id']}", cookie=cookie)).status == 204
    gone = await studio.call("DELETE", f"{VIEWS}/{made['id']}", cookie=cookie)
    assert (gone.status, gone.json) == (404, {"detail": "There is no such view"})


@pytest.mark.security
@pytest.mark.parametrize(
    ("members", "location", "kind"),
    [
        ({"name": " "}, ["body", "name"], "string_too_short"),
        ({"name": "x" * 101}, ["body", "name"], "string_too_long"),
        ({"parameters": "x" * 16_385}, ["body", "parameters"], "string_too_long"),
        ({"page": "../admin"}, ["body", "page"], "enum"),
    ],
)
async def test_what_is_no_view_is_refused(
    studio: HttpStudio, members: dict[str, str], location: list[str], kind: str
) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("POST", VIEWS, body=NEW | members, cookie=cookie)
    assert reply.status == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.json["detail"]] == [(location, kind)]

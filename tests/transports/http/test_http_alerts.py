"""``/api/v1/alerts``."""

import json
import re
from typing import Any

import pytest

from actors.alerts.body import body_of
from actors.alerts.messages import AlertState, GetAlert
from tests.http_studio import HttpStudio
from tests.source import PROJECT

pytestmark = pytest.mark.integration

ALERTS = "/api/v1/alerts"
NEW = {"name": "errors", "measure": "error_rate", "interval": "5m", "op": ">", "threshold": 0.1}
HOOK = "https://hooks.example.com/T0/s3cr3t"


@pytest.fixture
async def admin(studio: HttpStudio) -> str:
    return await studio.set_up()


async def member(studio: HttpStudio, admin: str, name: str) -> str:
    person = {"email": f"{name}@example.com", "password": "password123"}
    made = await studio.call("POST", "/api/v1/users", body=person | {"role": "member"}, cookie=admin)
    assert made.status == 201, made.json
    return (await studio.call("POST", "/sign-in", body=person)).cookie


async def make(studio: HttpStudio, cookie: str, **members: Any) -> dict[str, Any]:
    reply = await studio.call("POST", ALERTS, body=NEW | members, cookie=cookie)
    assert reply.status == 201, reply.json
    made: dict[str, Any] = reply.json
    return made


async def test_an_alert_is_made_listed_changed_and_dropped(studio: HttpStudio, admin: str) -> None:
    made = await make(studio, admin, webhook=HOOK)
    path = f"{ALERTS}/{made['id']}"
    assert re.fullmatch(r"whsec_[\w-]{43}", made.pop("secret"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", made["since"])
    assert made == {
        **NEW,
        "id": made["id"],
        "q": "",
        "of": "calls",
        "webhook": HOOK,
        "owner": {"id": made["owner"]["id"], "email": "admin@example.com"},
        "state": "no_data",
        "value": None,
        "since": made["since"],
        "checked_at": None,
    }
    assert (await studio.call("GET", path, cookie=admin)).json == made, "the secret is told once"
    assert (await studio.call("GET", ALERTS, cookie=admin)).json == {"alerts": [made]}
    changes = {"name": "x", "of": "traces", "threshold": 5, "measure": "errors", "q": "service:shop", "webhook": None}
    changed = await studio.call("PATCH", path, body=changes, cookie=admin)
    assert (changed.status, changed.json) == (200, made | changes | {"threshold": 5.0})
    assert (await studio.call("PATCH", path, body={}, cookie=admin)).json == changed.json
    assert (await studio.call("GET", f"{path}/history", cookie=admin)).json == {"changes": [], "next": None}
    assert (await studio.call("DELETE", path, cookie=admin)).status == 204
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/history")):
        body = {"name": "y"} if method == "PATCH" else None
        gone = await studio.call(method, path + rest, body=body, cookie=admin)
        assert (gone.status, gone.json) == (404, {"detail": "There is no such alert"})


@pytest.mark.security
async def test_members_change_their_own_and_see_no_path_of_others(studio: HttpStudio, admin: str) -> None:
    ada, bob = [await member(studio, admin, name) for name in ("ada", "bob")]
    made = await make(studio, ada, webhook=HOOK)
    path = f"{ALERTS}/{made['id']}"
    shown = {
        name: (await studio.call("GET", path, cookie=cookie)).json
        for name, cookie in {"ada": ada, "bob": bob, "admin": admin}.items()
    }
    assert {name: each["webhook"] for name, each in shown.items()} == {
        "ada": HOOK,
        "bob": "https://hooks.example.com/…",
        "admin": HOOK,
    }
    assert (await studio.call("GET", ALERTS, cookie=bob)).json["alerts"] == [shown["bob"]]
    for method in ("PATCH", "DELETE"):
        refused = await studio.call(method, path, body={"name": "mine"} if method == "PATCH" else None, cookie=bob)
        assert (refused.status, refused.json) == (403, {"detail": "This needs an admin"})
    audit = (await studio.call("GET", "/api/v1/audit?outcome=refused", cookie=admin)).json["entries"]
    assert {(entry["resource_type"], entry["action"]) for entry in audit} == {("alert", "update"), ("alert", "delete")}
    assert (await studio.call("PATCH", path, body={"name": "ours"}, cookie=admin)).json["name"] == "ours"
    assert (await studio.call("DELETE", path, cookie=ada)).status == 204


INVALID: tuple[tuple[dict[str, Any], list[Any], str], ...] = (
    ({"name": ""}, ["name"], "string_too_short"),
    ({"name": "x" * 201}, ["name"], "string_too_long"),
    ({"name": None}, ["name"], "string_type"),
    ({"q": "status:"}, ["q", 8], "query_syntax"),
    ({"q": "nobody:knows"}, ["q", 1], "query_field"),
    ({"of": "calls "}, ["of"], "enum"),
    ({"measure": "cost"}, ["measure"], "enum"),
    ({"interval": "auto"}, ["interval"], "enum"),
    ({"interval": "2m"}, ["interval"], "enum"),
    ({"op": ">="}, ["op"], "enum"),
    ({"threshold": -1}, ["threshold"], "greater_than_equal"),
    ({"threshold": 1e300}, ["threshold"], "less_than_equal"),
    ({"threshold": "NaN"}, ["threshold"], "float_parsing"),
    ({"threshold": None}, ["threshold"], "float_type"),
    ({"webhook": "ftp://hooks.example.com/"}, ["webhook"], "webhook_url"),
    ({"webhook": "https://ada:pw@hooks.example.com/"}, ["webhook"], "webhook_url"),
    ({"webhook": "http://127.0.0.1:8080/"}, ["webhook"], "webhook_url"),
    ({"webhook": "http://[::1]/"}, ["webhook"], "webhook_url"),
    ({"webhook": f"https://{'x' * 2048}"}, ["webhook"], "string_too_long"),
    ({"webhook": 1}, ["webhook"], "string_type"),
)


@pytest.mark.security
async def test_what_is_not_valid_is_refused(studio: HttpStudio, admin: str) -> None:
    path = f"{ALERTS}/{(await make(studio, admin))['id']}"
    for members, location, kind in INVALID:
        for method, where, body in (("POST", ALERTS, NEW | members), ("PATCH", path, members)):
            reply = await studio.call(method, where, body=body, cookie=admin)
            assert reply.status == 422, (method, members)
            assert [(fault["loc"], fault["type"]) for fault in reply.json["detail"]] == [(["body", *location], kind)]


async def test_the_budget_of_the_documentation_is_one(studio: HttpStudio, admin: str) -> None:
    [example] = re.findall(r"-d '(\{\s+\"name.*?)'", (PROJECT / "docs/alerts.md").read_text(), re.DOTALL)
    made = await make(studio, admin, **json.loads(example))
    assert (made["q"], made["measure"], made["interval"], made["threshold"]) == ("user:ada", "cost_usd", "1d", 50.0)


async def test_what_an_alert_needs_is_missing(studio: HttpStudio, admin: str) -> None:
    reply = await studio.call("POST", ALERTS, body={"name": "x"}, cookie=admin)
    assert {fault["loc"][1] for fault in reply.json["detail"]} == {"measure", "interval", "op", "threshold"}


async def test_a_history_has_pages(studio: HttpStudio, admin: str) -> None:
    path = f"{ALERTS}/{(await make(studio, admin))['id']}/history"
    for query, location in (("after=x", ["query", "after"]), ("limit=0", ["query", "limit"]), ("a=b", ["query", "a"])):
        reply = await studio.call("GET", f"{path}?{query}", cookie=admin)
        assert (reply.status, reply.json["detail"][0]["loc"]) == (422, location)


async def test_a_message_has_the_alert_as_the_api_has_it(studio: HttpStudio, admin: str) -> None:
    made = await make(studio, admin, webhook=HOOK)
    alert = await studio.bus.ask(GetAlert(id=made["id"]))
    shown = (await studio.call("GET", f"{ALERTS}/{made['id']}", cookie=admin)).json
    body = body_of(alert, AlertState.OK, 1_700_000_000_000_000_001)
    assert json.loads(body) == {
        "alert": shown | {"webhook": "https://hooks.example.com/…"},
        "previous": "ok",
        "time": "2023-11-14T22:13:20.000000001Z",
    }

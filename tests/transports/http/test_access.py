"""Access control: every route, called by everybody, with everything that could be taken for a credential.

The expectations are written out here and derived from nothing. A route that is not in the table fails, and so does a
row whose route is gone: each new route needs a row with its callers.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import attrs
import pytest
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, web

from actors.key_registry.messages import IssueKey, RevokeKey
from actors.principal import SYSTEM, Client, Role, Scope
from actors.runtime.bus import Bus
from actors.session.messages import CreateUser, SignIn, SignOut
from tests.actors.stage import HandClock
from tests.http_studio import ORIGIN, HttpStudio, http_config, running_http_studio
from transports.http.app import build_app, build_otlp_app
from transports.http.framework.server import serve_http

pytestmark = [pytest.mark.integration, pytest.mark.security]

SCOPES = ("ingest", "read", "play", "sql", "score", "studio", "backup")
ENDED_KEYS = ("revoked key", "revoked key as Bearer", "expired key")
UNKNOWN_KEY = "no key of ours"
CALLERS = (
    "nobody",
    "garbage cookie",
    "ended session",
    "member",
    "admin",
    *(f"key of {scope}" for scope in SCOPES),
    "key of all scopes as Bearer",
    *ENDED_KEYS,
    UNKNOWN_KEY,
)


@attrs.frozen
class Refusal:
    """The refusal of a caller; ``None`` in its place stands for an admitted caller, whatever comes of the request."""

    status: int
    detail: str


Expected: TypeAlias = Mapping[str, Refusal | None]

NO_SESSION = Refusal(401, "Unauthorized: No valid session")
NO_KEY = Refusal(401, "Missing API key: send it as x-junjo-api-key or Authorization: Bearer")
ENDED = Refusal(401, "Unauthorized: This API key has ended")
UNKNOWN = Refusal(401, "Unauthorized: This API key is unknown")
NEEDS_ADMIN = Refusal(403, "This needs an admin")


def or_keys(others: Expected, *scopes: str) -> Expected:
    """Keys of these scopes may as well, and others are told which one they lack."""
    lacking = Refusal(403, f"This key lacks the scope {scopes[0]}")
    keys = {f"key of {scope}": None if scope in scopes else lacking for scope in SCOPES}
    dead = {**dict.fromkeys(ENDED_KEYS, ENDED), UNKNOWN_KEY: UNKNOWN}
    return {**others, **keys, "key of all scopes as Bearer": None, **dead}


EVERYBODY: Expected = dict.fromkeys(CALLERS)
SIGNED_IN: Expected = {**dict.fromkeys(CALLERS, NO_SESSION), "member": None, "admin": None}
ADMINS: Expected = {**SIGNED_IN, "member": NEEDS_ADMIN}
READERS = or_keys(SIGNED_IN, "read")
READERS_AND_ASKERS = or_keys(SIGNED_IN, "read", "sql")
PLAYERS = or_keys(SIGNED_IN, "play")
SCORERS = or_keys(SIGNED_IN, "score")
ANALYSTS = or_keys(SIGNED_IN, "sql")
STUDIO_CLIENTS = or_keys(SIGNED_IN, "studio", "read")
BACKUPS = or_keys(ADMINS, "backup")
SENDERS = or_keys(dict.fromkeys(CALLERS, NO_KEY), "ingest")


@attrs.frozen
class Row:
    """A route and who may call it.

    What is sent changes nothing: names that nothing has, and a body without what it must have, which is looked at when
    it is settled who calls. Where even that ends a session, ``throwaway`` sends those of people who are there for it.
    """

    method: str
    path: str
    expected: Expected
    throwaway: bool = False

    @property
    def address(self) -> str:
        """The path with a name for each part that wants one."""
        return "/".join("none" if part.startswith("{") else part for part in self.path.split("/"))


TABLE = (
    Row("GET", "/", EVERYBODY),
    Row("GET", "/ping", EVERYBODY),
    Row("GET", "/api/config", EVERYBODY),
    Row("GET", "/health", EVERYBODY),
    Row("GET", "/health/details", READERS),
    Row("GET", "/openapi.json", EVERYBODY),
    Row("GET", "/metrics", READERS),
    Row("GET", "/users/db-has-users", EVERYBODY),
    Row("POST", "/users/create-first-user", EVERYBODY),
    Row("POST", "/users", ADMINS),
    Row("GET", "/users", ADMINS),
    Row("DELETE", "/users/{user_id}", ADMINS),
    Row("POST", "/sign-in", EVERYBODY),
    Row("POST", "/sign-out", EVERYBODY, throwaway=True),
    Row("GET", "/auth-test", SIGNED_IN),
    Row("POST", "/api_keys", SIGNED_IN),
    Row("GET", "/api_keys", SIGNED_IN),
    Row("DELETE", "/api_keys/{id}", SIGNED_IN),
    Row("GET", "/api/v1/account", SIGNED_IN),
    Row("PUT", "/api/v1/account/password", SIGNED_IN),
    Row("GET", "/api/v1/account/sessions", SIGNED_IN),
    Row("DELETE", "/api/v1/account/sessions/{session_id}", SIGNED_IN),
    Row("DELETE", "/api/v1/account/sessions", SIGNED_IN, throwaway=True),
    Row("GET", "/api/v1/users", ADMINS),
    Row("POST", "/api/v1/users", ADMINS),
    Row("PATCH", "/api/v1/users/{user_id}", ADMINS),
    Row("PUT", "/api/v1/users/{user_id}/password", ADMINS),
    Row("DELETE", "/api/v1/users/{user_id}/lock", ADMINS),
    Row("GET", "/api/v1/keys", SIGNED_IN),
    Row("POST", "/api/v1/keys", SIGNED_IN),
    Row("POST", "/api/v1/keys/{key_id}/rotate", SIGNED_IN),
    Row("DELETE", "/api/v1/keys/{key_id}", SIGNED_IN),
    Row("GET", "/api/v1/prices", READERS),
    Row("POST", "/api/v1/prices", ADMINS),
    Row("DELETE", "/api/v1/prices/{price_id}", ADMINS),
    Row("GET", "/api/v1/retention", READERS),
    Row("GET", "/api/v1/retention/preview", READERS),
    Row("PUT", "/api/v1/retention", ADMINS),
    Row("GET", "/api/v1/views", SIGNED_IN),
    Row("POST", "/api/v1/views", SIGNED_IN),
    Row("DELETE", "/api/v1/views/{view_id}", SIGNED_IN),
    Row("GET", "/api/v1/alerts", SIGNED_IN),
    Row("POST", "/api/v1/alerts", SIGNED_IN),
    Row("GET", "/api/v1/alerts/{alert_id}", SIGNED_IN),
    Row("PATCH", "/api/v1/alerts/{alert_id}", SIGNED_IN),
    Row("DELETE", "/api/v1/alerts/{alert_id}", SIGNED_IN),
    Row("GET", "/api/v1/alerts/{alert_id}/history", SIGNED_IN),
    Row("POST", "/llm/generate", SIGNED_IN),
    Row("GET", "/llm/providers/{provider}/models", SIGNED_IN),
    Row("POST", "/llm/providers/{provider}/models/refresh", SIGNED_IN),
    Row("GET", "/llm/providers", ADMINS),
    Row("PUT", "/llm/providers/{provider}/key", ADMINS),
    Row("DELETE", "/llm/providers/{provider}/key", ADMINS),
    Row("GET", "/llm/stream", PLAYERS),
    Row("GET", "/api/v1/live", READERS),
    Row("GET", "/llm/replay/{trace_id}/{span_id}", READERS),
    Row("GET", "/api/v1/observability/services", READERS),
    Row("GET", "/api/v1/observability/stats", READERS),
    Row("GET", "/api/v1/observability/heatmap", READERS),
    Row("GET", "/api/v1/observability/differences", READERS),
    Row("GET", "/api/v1/observability/services/{service_name}/spans", READERS),
    Row("GET", "/api/v1/observability/services/{service_name}/spans/root", READERS),
    Row("GET", "/api/v1/observability/services/{service_name}/workflows", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/spans", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/spans/{span_id}", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}", READERS),
    Row("GET", "/api/v1/observability/traces", READERS),
    Row("GET", "/api/v1/observability/spans", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/outline", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/spans/{span_id}/detail", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/spans/{span_id}/attributes/{key}", READERS),
    Row("GET", "/api/v1/observability/traces/{trace_id}/scores", READERS),
    Row("POST", "/api/v1/observability/traces/{trace_id}/scores", SCORERS),
    Row("DELETE", "/api/v1/scores/{score_id}", SCORERS),
    Row("GET", "/api/v1/workflows/{trace_id}/{span_id}", READERS),
    Row("GET", "/api/v1/workflows/{trace_id}/{span_id}/states", READERS),
    Row("GET", "/api/v1/workflows/{trace_id}/{span_id}/diff", READERS),
    Row("GET", "/api/v1/workflows/{trace_id}/{span_id}/blame", READERS),
    Row("GET", "/api/v1/workflows/{trace_id}/{span_id}/compare", READERS),
    Row("POST", "/api/v1/sql", ANALYSTS),
    Row("GET", "/api/v1/sql/schema", READERS_AND_ASKERS),
    Row("GET", "/api/v1/observability/sessions", READERS),
    Row("GET", "/api/v1/observability/sessions/{session_id}", READERS),
    Row("GET", "/api/v1/observability/search", READERS),
    Row("GET", "/api/v1/observability/fields", READERS),
    Row("GET", "/api/v1/observability/values", READERS),
    Row("GET", "/api/v1/observability/export", READERS),
    Row("DELETE", "/api/v1/observability/traces/{trace_id}", ADMINS),
    Row("DELETE", "/api/v1/observability/services/{service_name}", ADMINS),
    Row("GET", "/api/v1/execution-resolution", STUDIO_CLIENTS),
    Row("GET", "/api/v1/trace-evidence/{trace_id}", STUDIO_CLIENTS),
    Row("GET", "/api/v1/agent-executions", STUDIO_CLIENTS),
    Row("GET", "/api/v1/backup", BACKUPS),
    Row("GET", "/api/v1/audit", ADMINS),
    Row("GET", "/api/v1/refused-exports", READERS),
    Row("POST", "/v1/traces", SENDERS),
    Row("POST", "/v1/metrics", SENDERS),
    Row("POST", "/v1/logs", SENDERS),
    Row("POST", "/mcp", READERS_AND_ASKERS),
    Row("GET", "/console", EVERYBODY),
    Row("HEAD", "/console", EVERYBODY),
    Row("GET", "/console/-/{file}", EVERYBODY),
    Row("HEAD", "/console/-/{file}", EVERYBODY),
    Row("GET", "/console/{page}", EVERYBODY),
    Row("HEAD", "/console/{page}", EVERYBODY),
    Row("GET", "/agents/{service}/{trace_id}/{span_id}", EVERYBODY),
    Row("HEAD", "/agents/{service}/{trace_id}/{span_id}", EVERYBODY),
    Row("GET", "/traces/{service}/{trace_id}/{span_id}", EVERYBODY),
    Row("HEAD", "/traces/{service}/{trace_id}/{span_id}", EVERYBODY),
    Row("GET", "/workflows/{service}/{trace_id}/{span_id}", EVERYBODY),
    Row("HEAD", "/workflows/{service}/{trace_id}/{span_id}", EVERYBODY),
)
OF_OTLP = {("POST", "/v1/traces"), ("POST", "/v1/metrics"), ("POST", "/v1/logs"), ("GET", "/health")}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def studio(tmp_path: Path, clock: HandClock) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        yield studio


def served_by(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of all that is answered, as aiohttp knows it; exporters' paths end in a slash or do not."""
    resources = [(route.method, route.resource) for route in app.router.routes()]
    return {(method, resource.canonical.rstrip("/") or "/") for method, resource in resources if resource is not None}


def test_every_route_is_in_the_table_once_and_no_other_is() -> None:
    rows = [(row.method, row.path) for row in TABLE]
    assert len(set(rows)) == len(rows)
    assert set(rows) == served_by(build_app(Bus(), http_config()))
    assert served_by(build_otlp_app(Bus(), http_config())) == OF_OTLP


def test_every_row_says_it_of_everybody() -> None:
    assert all(set(row.expected) == set(CALLERS) for row in TABLE)
    assert {scope.value for scope in Scope} == set(SCOPES)


async def test_each_route_admits_those_it_should_and_nobody_else(studio: HttpStudio, clock: HandClock) -> None:
    callers = await all_callers(studio, clock)
    faults = [fault async for fault in faults_of(studio.client, TABLE, callers, studio)]
    assert not faults, "\n".join(faults)


async def test_the_ports_for_otlp_alone_admit_the_same(studio: HttpStudio, clock: HandClock) -> None:
    callers = await all_callers(studio, clock)
    async with otlp_client(studio) as client:
        rows = [row for row in TABLE if (row.method, row.path) in OF_OTLP]
        faults = [fault async for fault in faults_of(client, rows, callers, studio)]
        others = [row for row in TABLE if (row.method, row.path) not in OF_OTLP]
        for row in others:
            async with client.request(row.method, row.address, headers=callers["admin"]) as answer:
                assert answer.status in (404, 405), row
    assert not faults, "\n".join(faults)


async def test_websockets_open_for_those_it_should(studio: HttpStudio, clock: HandClock) -> None:
    rows = [row for row in TABLE if row.path in ("/llm/stream", "/api/v1/live")]
    for (caller, headers), row in product((await all_callers(studio, clock)).items(), rows):
        if row.expected[caller] is None:
            async with studio.client.ws_connect(row.path, headers={**headers, "Origin": ORIGIN}) as socket:
                await socket.close()
                assert socket.close_code == 1000, caller


async def test_a_session_counts_for_nothing_once_its_user_is_gone(studio: HttpStudio) -> None:
    """And a key that comes along with it is not looked at where sessions are."""
    admin = await headers_of_new(studio, Role.ADMIN)
    gone, gone_id = await headers_and_id_of_new(studio, Role.ADMIN)
    assert (await studio.call("DELETE", f"/users/{gone_id}", headers=admin)).status == 200
    key = await new_key(studio, *Scope)
    for headers in (gone, gone | {"x-junjo-api-key": key}):
        reply = await studio.call("GET", "/users", headers=headers)
        assert (reply.status, reply.json["detail"]) == (401, NO_SESSION.detail)


async def faults_of(
    client: ClientSession, rows: Any, callers: Mapping[str, Mapping[str, str]], studio: HttpStudio
) -> AsyncIterator[str]:
    """The differences to the table, a line each."""
    for row in rows:
        for caller, headers in callers.items():
            sent = await throwaway_headers(studio, caller, headers) if row.throwaway else headers
            found = await outcome_of(client, row, sent)
            if found != row.expected[caller]:
                yield f"{row.method} {row.path}, {caller}: {found}, and not {row.expected[caller]}"


async def outcome_of(client: ClientSession, row: Row, headers: Mapping[str, str]) -> Refusal | None:
    data = b"{}" if row.method in ("POST", "PUT", "PATCH") else None
    sent = {**headers, "Origin": ORIGIN, "Content-Type": "application/json"}
    async with client.request(row.method, row.address, data=data, headers=sent) as answer:
        assert answer.status < 500, (row, await answer.text())
        refused = answer.status in (401, 403)
        return Refusal(answer.status, await detail_of(answer)) if refused else None


async def detail_of(answer: ClientResponse) -> str:
    """The detail as REST has it, or as google.rpc.Status has it."""
    document = await answer.json()
    return str(document.get("detail", document.get("message")))


@asynccontextmanager
async def otlp_client(studio: HttpStudio) -> AsyncIterator[ClientSession]:
    async with (
        serve_http(build_otlp_app(studio.bus, http_config()), "127.0.0.1", 0) as port,
        ClientSession(f"http://127.0.0.1:{port}", cookie_jar=DummyCookieJar()) as client,
    ):
        yield client


async def all_callers(studio: HttpStudio, clock: HandClock) -> dict[str, Mapping[str, str]]:
    """The headers of each."""
    everything = await new_key(studio, *Scope)
    revoked = await new_revoked_key(studio)
    expired = await new_expired_key(studio, clock)
    keys = {f"key of {scope.value}": await new_key(studio, scope) for scope in Scope}
    return {
        "nobody": {},
        "garbage cookie": {"Cookie": f"session={'x' * 80}"},
        "ended session": await headers_of_ended(studio),
        "member": await headers_of_new(studio, Role.MEMBER),
        "admin": await headers_of_new(studio, Role.ADMIN),
        **{caller: {"x-junjo-api-key": key} for caller, key in keys.items()},
        "key of all scopes as Bearer": {"Authorization": f"Bearer {everything}"},
        "revoked key": {"x-junjo-api-key": revoked},
        "revoked key as Bearer": {"Authorization": f"Bearer {revoked}"},
        "expired key": {"x-junjo-api-key": expired},
        UNKNOWN_KEY: {"x-junjo-api-key": "A" * 64},
    }


async def throwaway_headers(studio: HttpStudio, caller: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    return await headers_of_new(studio, Role(caller)) if caller in ("member", "admin") else headers


async def headers_of_new(studio: HttpStudio, role: Role) -> Mapping[str, str]:
    headers, _ = await headers_and_id_of_new(studio, role)
    return headers


async def headers_and_id_of_new(studio: HttpStudio, role: Role) -> tuple[dict[str, str], str]:
    """A new user who has signed in."""
    email, password = f"{uuid4().hex}@example.com", "password123"
    user = await studio.bus.ask(CreateUser(email=email, password=password, role=role, by=SYSTEM))
    signed_in = await studio.bus.ask(SignIn(email=email, password=password, client=Client(address="127.0.0.1")))
    return {"Cookie": f"session={signed_in.cookie}"}, user.id


async def headers_of_ended(studio: HttpStudio) -> Mapping[str, str]:
    headers = await headers_of_new(studio, Role.ADMIN)
    assert await studio.bus.ask(SignOut(cookie=headers["Cookie"].removeprefix("session=")))
    return headers


async def new_key(studio: HttpStudio, *scopes: Scope) -> str:
    issued = await studio.bus.ask(IssueKey(name="tests", scopes=frozenset(scopes), by=SYSTEM))
    return issued.secret


async def new_expired_key(studio: HttpStudio, clock: HandClock) -> str:
    end = clock() + timedelta(seconds=1)
    issued = await studio.bus.ask(IssueKey(name="tests", scopes=frozenset(Scope), expires_at=end, by=SYSTEM))
    clock.move(seconds=1)
    return issued.secret


async def new_revoked_key(studio: HttpStudio) -> str:
    issued = await studio.bus.ask(IssueKey(name="tests", scopes=frozenset(Scope), by=SYSTEM))
    await studio.bus.ask(RevokeKey(id=issued.key.id, by=SYSTEM))
    return issued.secret

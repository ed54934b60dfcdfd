"""Error answers: errors of ours, unknown paths and methods, stopped actors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from actors.errors import InternalError, ProviderFailed, StudioError
from actors.runtime.bus import Bus
from tests.http_studio import ORIGIN, HttpStudio, http_config, running_http_studio
from transports.http.app import build_app
from transports.http.framework.server import serve_http

pytestmark = pytest.mark.integration

LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def failing_with(error: Exception) -> AsyncIterator[ClientSession]:
    """An application with one more route, which raises."""

    async def fail(_: web.Request) -> web.Response:
        raise error

    app = build_app(Bus(), http_config())
    app.router.add_route("GET", "/fail", fail)
    app.router.add_route("POST", "/v1/fail", fail)
    async with serve_http(app, "127.0.0.1", 0) as port, ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.mark.parametrize("error", [ValueError("secret"), InternalError("secret")])
async def test_an_error_of_ours_is_masked_and_has_cors_headers_and_an_id(error: Exception) -> None:
    headers = {"Origin": ORIGIN, "X-Request-Id": "my-id.1"}
    async with failing_with(error) as client, client.get("/fail", headers=headers) as reply:
        assert reply.status == 500
        assert await reply.text() == '{"detail":"Internal Server Error","request_id":"my-id.1"}'
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "x-request-id" in reply.headers["Access-Control-Expose-Headers"]
        assert reply.headers["X-Request-Id"] == "my-id.1"


async def test_an_error_of_ours_is_logged_with_its_traceback() -> None:
    with capture_logs() as logs:
        async with failing_with(ValueError("why")) as client, client.get("/fail") as reply:
            assert reply.status == 500
    (entry,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert entry["exc_info"] is True
    (access,) = [entry for entry in logs if entry["event"] == "http request"]
    assert (access["path"], access["status"]) == ("/fail", 500)


async def test_an_error_of_ours_on_an_otlp_path_is_a_masked_status() -> None:
    async with failing_with(ValueError("secret")) as client, client.post("/v1/fail", json={}) as reply:
        assert (reply.status, await reply.json()) == (500, {"code": 13, "message": "Internal Server Error"})


@pytest.mark.parametrize(("error", "status"), [(ProviderFailed("Generation failed: x"), 502)])
async def test_an_expected_error_is_told(error: StudioError, status: int) -> None:
    async with failing_with(error) as client, client.get("/fail") as reply:
        assert (reply.status, await reply.json()) == (status, {"detail": error.detail})


@pytest.mark.error_recovery
async def test_while_actors_are_away_the_client_may_come_back(studio: HttpStudio) -> None:
    await studio.supervisor.stop()
    reply = await studio.call("GET", "/users/db-has-users")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert (await studio.call("GET", "/health")).status == 200


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "né"])
async def test_an_odd_request_id_is_replaced(studio: HttpStudio, given: str) -> None:
    reply = await studio.call("GET", "/health", headers={"X-Request-Id": given})
    assert len(reply.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/users", "POST"),
        ("GET", "/users/create-first-user", "POST"),
        ("PUT", "/users/db-has-users", "GET"),
        ("PATCH", "/users/x", "DELETE"),
        ("HEAD", "/", "GET"),
        ("GET", "/v1/traces", "POST"),
        ("OPTIONS", "/users", "POST"),
    ],
)
async def test_a_wrong_method_is_told_the_first_right_one(
    studio: HttpStudio, method: str, path: str, allow: str
) -> None:
    reply = await studio.call(method, path)
    assert (reply.status, reply.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/users/", "/users"),
        ("POST", "/sign-in//", "/sign-in"),
        ("GET", "/users/x/", "/users/x"),
        (
            "GET",
            "/api/v1/observability/services/a%2Fb/spans/?limit=1&x=%20",
            "/api/v1/observability/services/a%2Fb/spans?limit=1&x=%20",
        ),
    ],
)
async def test_a_trailing_slash_leads_to_the_path_without(
    studio: HttpStudio, method: str, path: str, target: str
) -> None:
    reply = await studio.call(method, path)
    assert (reply.status, reply.body) == (307, b"")
    assert reply.headers["Location"] == f"http://127.0.0.1:{studio.port}{target}"


@pytest.mark.parametrize(
    ("settings", "headers", "start"),
    [
        ({}, {"Host": "studio.example.com", "X-Forwarded-Proto": "https"}, "http://studio.example.com"),
        ({"trusted_proxies": LOOPBACK}, {"Host": "studio.example.com"}, "http://studio.example.com"),
        (
            {"trusted_proxies": LOOPBACK},
            {"Host": "studio.example.com", "X-Forwarded-Proto": "https"},
            "https://studio.example.com",
        ),
        (
            {"trusted_proxies": LOOPBACK},
            {"X-Forwarded-Host": "studio.example.com", "X-Forwarded-Proto": "https"},
            "https://studio.example.com",
        ),
        ({"trusted_proxies": LOOPBACK}, {"Forwarded": 'host="[::2]:8443";proto=https'}, "https://[::2]:8443"),
        ({"backend_url": "https://api.example.com"}, {"Host": "other.localhost"}, "https://api.example.com"),
        ({}, {"Host": "localhost/b@c"}, ""),  # what is no host leads nowhere else
    ],
)
async def test_a_redirect_keeps_the_scheme_and_host_that_the_client_used(
    tmp_path: Path, settings: dict[str, Any], headers: dict[str, str], start: str
) -> None:
    config = http_config(allowed_hosts=("studio.example.com",), **settings)
    async with running_http_studio(tmp_path, config) as studio:
        reply = await studio.call("GET", "/users/?a=b", headers=headers)
    assert (reply.status, reply.headers["Location"]) == (307, f"{start}/users?a=b")


@pytest.mark.parametrize("path", ["/nope/", "//", "//evil.example//", "/users/a/b/"])
async def test_a_trailing_slash_on_nothing_is_not_found(studio: HttpStudio, path: str) -> None:
    reply = await studio.call("GET", f"http://127.0.0.1:{studio.port}{path}")
    assert (reply.status, reply.json) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("origin", "method", "status", "text"),
    [
        (ORIGIN, "DELETE", 200, "OK"),
        ("http://evil.example", "POST", 400, "Disallowed CORS origin"),
        (ORIGIN, "BREW", 400, "Disallowed CORS method"),
        ("null", "BREW", 400, "Disallowed CORS origin, method"),
    ],
)
async def test_preflights(studio: HttpStudio, origin: str, method: str, status: int, text: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "x-a,x-b",
    }
    reply = await studio.call("OPTIONS", "/anything", headers=headers)
    assert (reply.status, reply.body.decode()) == (status, text)
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert reply.headers["Access-Control-Allow-Headers"] == "x-a,x-b"
    assert reply.headers.getall("Vary") == ["Origin"]
    assert ("Access-Control-Allow-Origin" in reply.headers) == (origin == ORIGIN)


async def test_a_denied_origin_still_gets_the_body(studio: HttpStudio) -> None:
    reply = await studio.call("GET", "/health", headers={"Origin": "http://evil.example"})
    assert reply.json["status"] == "ok"
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert reply.headers.getall("Vary") == ["Origin"]


async def test_answers_do_not_tell_what_serves_them(studio: HttpStudio) -> None:
    reply = await studio.call("GET", "/health")
    assert "Server" not in reply.headers
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    app = build_app(Bus(), http_config())
    async with serve_http(app, "127.0.0.1", 0) as port:
        with pytest.raises(OSError, match="address already in use"):
            async with serve_http(build_app(Bus(), http_config()), "127.0.0.1", port):
                pass

"""Faults of providers, as every adapter reports them."""

import socket
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from actors.errors import ProviderFailed
from actors.playground.prompt import Completion
from actors.playground.providers.http_client import Timeouts
from actors.playground.providers.provider import Endpoint, Provider, TextDelta
from tests.providers.pairs import KEY, PAIRS, Pair
from tests.providers.server import Script, Trouble

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]


@pytest.fixture(params=PAIRS, ids=[pair.name for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


@pytest.fixture(params=["plain", "streamed", "models"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def call(way: str, provider: Provider, pair: Pair) -> Any:
    if way == "models":
        return await provider.models()
    if way == "plain":
        return await provider.generate(pair.prompt())
    return [chunk async for chunk in provider.stream(pair.prompt())]


async def failure(way: str, provider: Provider, pair: Pair) -> ProviderFailed:
    with pytest.raises(ProviderFailed) as caught:
        await call(way, provider, pair)
    assert caught.value.detail.startswith(f"{pair.name}: ")
    return caught.value


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "refused (400): the provider's own words"),
        (404, "not found (404): the provider's own words"),
        (413, "the request is too large (413): the provider's own words"),
        (429, "too many requests, or the quota is used up (429): the provider's own words"),
        (500, "the server failed (500): the provider's own words"),
        (529, "overloaded (529): the provider's own words"),
    ],
)
async def test_an_error_answer_is_told_with_its_status(pair: Pair, way: str, status: int, reason: str) -> None:
    async with pair.open(Script(status=status)) as (server, provider):
        failed = await failure(way, provider, pair)
    assert failed.detail == f"{pair.name}: {reason}"
    assert failed.retry_after is None
    assert len(server.seen) == 1, "asked again without being asked to"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Mon, 30 Nov 2026 12:00:20 GMT", "date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 20.0),
    ],
)
async def test_a_throttling_provider_says_when_to_come_back(
    pair: Pair, way: str, headers: dict[str, str], seconds: float | None
) -> None:
    async with pair.open(Script(status=429, headers=headers)) as (_, provider):
        assert (await failure(way, provider, pair)).retry_after == seconds


@pytest.mark.security
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_repeated(pair: Pair, way: str, status: int) -> None:
    told = f"Incorrect API key provided: {KEY[:7]}***{KEY[-4:]}"
    async with pair.open(Script(status=status, error=told)) as (_, provider):
        failed = await failure(way, provider, pair)
    assert failed.detail.endswith(f"({status})")
    assert KEY[:7] not in failed.detail


@pytest.mark.security
async def test_a_providers_words_are_shown_without_keys_and_addresses(pair: Pair, way: str) -> None:
    told = f"No\nluck with {KEY} and sk-proj-abcdef012345, see https://vendor.example/help?key={KEY} " + "x" * 500
    async with pair.open(Script(status=500, error=told)) as (_, provider):
        detail = (await failure(way, provider, pair)).detail
    assert "No luck with *** and ***, see xxx" in detail
    assert len(detail) < 300


async def test_a_provider_that_hangs_up_is_told(pair: Pair) -> None:
    async with pair.open(Script(trouble=Trouble.CUT, raw=b"")) as (_, provider):
        for way in ("plain", "streamed"):
            assert (await failure(way, provider, pair)).detail == f"{pair.name}: the connection failed"


@pytest.mark.parametrize("trouble", [Trouble.CUT, Trouble.UNFINISHED, Trouble.GARBAGE])
async def test_what_came_before_the_end_is_the_answer_without_a_reason_for_the_end(
    pair: Pair, trouble: Trouble
) -> None:
    async with pair.open(Script(trouble=trouble)) as (server, provider):
        *came, last = await call("streamed", provider, pair)
        server.play(Script())
        assert isinstance(await provider.generate(pair.prompt()), Completion)
    assert came == [TextDelta(text="hello "), TextDelta(text="from "), TextDelta(text="the provider")]
    assert isinstance(last, Completion)
    assert (last.content, last.finish_reason) == ("hello from the provider", None)


@pytest.mark.parametrize("raw", [b"", b": wait\n\n", b"data: {}\n\n"])
async def test_a_stream_of_nothing_is_no_answer(pair: Pair, raw: bytes) -> None:
    async with pair.open(Script(raw=raw)) as (_, provider):
        failed = await failure("streamed", provider, pair)
    assert failed.detail == f"{pair.name}: the stream ended before the answer did"


async def test_garbage_is_told_but_not_logged(pair: Pair) -> None:
    async with pair.open(Script(trouble=Trouble.GARBAGE, raw=b": wait\n\n")) as (server, provider):
        for way in ("plain", "streamed"):
            with capture_logs() as logs:
                failed = await failure(way, provider, pair)
            assert failed.detail == f"{pair.name}: the answer is not understood"
            assert [entry["event"] for entry in logs] == ["provider's answer not understood"]
            assert "this is not" not in str(logs)
        server.play(Script())
        assert isinstance(await provider.generate(pair.prompt()), Completion)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"choices": 5, "content": 5, "candidates": 5}'])
async def test_json_of_another_shape_is_told(pair: Pair, body: bytes) -> None:
    async with pair.open(Script(body=body)) as (_, provider):
        assert (await failure("plain", provider, pair)).detail == f"{pair.name}: the answer is not understood"


async def test_patience_ends(pair: Pair) -> None:
    async with pair.open(Script(trouble=Trouble.HANG), Timeouts(answer=0.2, models=0.2)) as (server, provider):
        for way in ("plain", "streamed"):
            server.play(server.script)
            assert (await failure(way, provider, pair)).detail == f"{pair.name}: no answer in time"
            await server.disconnected.wait()


async def test_nobody_listens(pair: Pair, way: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        make: Any = pair.adapter
        provider: Provider = make(Endpoint(key=KEY, base_url=address))
        assert (await failure(way, provider, pair)).detail == f"{pair.name}: the connection failed"
        await provider.close()


@pytest.mark.security
async def test_a_redirect_is_not_followed(pair: Pair) -> None:
    async with pair.open() as (elsewhere, _), pair.open() as (server, provider):
        server.play(Script(status=307, headers={"location": elsewhere.address}))
        failed = await failure("plain", provider, pair)
        assert failed.detail.startswith(f"{pair.name}: refused (307)")
        assert elsewhere.seen == []


@pytest.mark.security
async def test_nothing_is_taken_from_the_environment(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GOOGLE_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "x-custom: from-the-environment")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "from-the-environment")
    monkeypatch.setenv("NO_PROXY", "")
    async with pair.open() as (server, provider):
        await provider.generate(pair.prompt())
    assert "from-the-environment" not in str(attrs.asdict(server.seen[0]))
    assert KEY in str(server.seen[0].headers)


@pytest.mark.security
async def test_the_key_is_not_shown_by_accident(pair: Pair) -> None:
    make: Any = pair.adapter
    provider = make(Endpoint(key=KEY))
    assert KEY not in repr(vars(provider))
    await provider.close()

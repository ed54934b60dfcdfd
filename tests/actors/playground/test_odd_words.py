"""Errors and lists of models in forms outside a provider's specification."""

import json
from typing import Any

import pytest

from actors.errors import ProviderFailed
from actors.playground.providers.provider import TextDelta
from tests.actors.playground.stage import FORMS
from tests.providers.heard import PAIRS_BY_NAME, named, sse
from tests.providers.pairs import KEY, PAIRS, Pair
from tests.providers.server import Script

pytestmark = pytest.mark.integration

HELLO = {
    "openai": sse({"choices": [{"delta": {"content": "Hello"}}]}, done=False),
    "anthropic": named({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}}),
    "gemini": sse({"candidates": [{"content": {"parts": [{"text": "Hello"}]}}]}, done=False),
}


@pytest.fixture(params=PAIRS, ids=list(PAIRS_BY_NAME))
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


async def failures(pair: Pair, script: Script) -> list[str]:
    """The errors of a plain and of a streamed call."""
    details = []
    async with pair.open(script) as (_, provider):
        with pytest.raises(ProviderFailed) as plain:
            await provider.generate(pair.prompt())
        details.append(plain.value.detail)
        with pytest.raises(ProviderFailed) as in_stream:
            _ = [chunk async for chunk in provider.stream(pair.prompt())]
        details.append(in_stream.value.detail)
    return details


_SPOKEN = [(body, words) for body, words in FORMS if words]
_HTML = "<html><head><title>x</title></head><body><h1>no luck</h1></body></html>"


@pytest.mark.parametrize(("body", "words"), [*_SPOKEN, (_HTML, "no luck")])
@pytest.mark.parametrize("status", [400, 503])
async def test_an_error_body_of_any_form_is_told(pair: Pair, status: int, body: object, words: str) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    said = f"refused (400): {words}" if status == 400 else f"the server failed (503): {words}"
    headers = {"content-type": "application/json"}
    assert await failures(pair, Script(status=status, failure=content, headers=headers)) == [f"{pair.name}: {said}"] * 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"9" * 5000, b"[" * 100_000, b"\xff\xfe"])
async def test_an_error_body_that_says_nothing_leaves_the_status(pair: Pair, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    for detail in await failures(pair, Script(status=500, failure=body, headers=headers)):
        assert detail.startswith(f"{pair.name}: the server failed (500)")
        assert len(detail) < 260


@pytest.mark.parametrize(("body", "words"), [*_SPOKEN, (_HTML, "no luck")])
async def test_an_error_in_an_answer_of_status_200_is_told(pair: Pair, body: object, words: str) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    for detail in await failures(pair, Script(body=content, raw=content, stream_type="application/json")):
        assert words in detail


@pytest.mark.parametrize(("body", "words"), _SPOKEN)
async def test_an_error_in_mid_stream_is_told(pair: Pair, body: object, words: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    async with pair.open(Script(raw=HELLO[pair.name] + f"event: error\ndata: {content}\n\n".encode())) as (_, provider):
        chunks = provider.stream(pair.prompt())
        assert await anext(chunks) == TextDelta(text="Hello")
        with pytest.raises(ProviderFailed) as caught:
            await anext(chunks)
    assert words in caught.value.detail


@pytest.mark.security
async def test_no_form_of_an_error_shows_the_key(pair: Pair) -> None:
    for body, _ in FORMS:
        content = json.dumps(body).replace("no luck", f"no luck with {KEY}").encode()
        raw = b"event: error\ndata: " + content + b"\n\n"
        for script in (Script(status=400, failure=content), Script(body=content, raw=raw)):
            assert not [detail for detail in await failures(pair, script) if KEY in detail or KEY[:10] in detail]


async def test_an_odd_item_costs_itself_and_not_the_list(pair: Pair) -> None:
    item = {"openai": {"id": pair.model}, "anthropic": {"id": pair.model, "type": "model"}}.get(
        pair.name, {"name": f"models/{pair.model}", "supportedGenerationMethods": ["generateContent"]}
    )
    odd: list[object] = [
        None,
        5,
        [],
        {},
        {"id": None},
        {"name": 5},
        {"id": {"x": 1}, "type": "model"},
        {"id": "", "name": ""},
    ]
    described = {**item, "description": "words", "message": "words", "detail": "words"}
    documents: tuple[object, ...] = (
        {"data": [*odd, item]},
        [*odd, item],
        {"models": [item, *odd], "has_more": "x"},
        [item],
        {"data": [described], "title": "words", "message": "words", "error": None},
    )
    for document in documents:
        async with pair.open(Script(models=json.dumps(document).encode())) as (_, provider):
            models = await provider.models()
        assert [model.id for model in models] == [pair.model]
        assert models[0].display_name == pair.model


@pytest.mark.parametrize(
    ("facts", "window"),
    [
        ({"max_input_tokens": "5000", "inputTokenLimit": 5000.0}, 5000),
        ({"max_input_tokens": 10**30, "inputTokenLimit": "x", "capabilities": 5, "thinking": "yes"}, None),
        ({"max_input_tokens": -1, "inputTokenLimit": -1, "capabilities": {"thinking": []}, "display_name": 5}, None),
    ],
)
async def test_facts_of_a_model_of_another_type(facts: dict[str, Any], window: int | None) -> None:
    for name in ("anthropic", "gemini"):
        pair = PAIRS_BY_NAME[name]
        item = {"id": pair.model, "name": pair.model, "supportedGenerationMethods": ["generateContent"], **facts}
        async with pair.open(Script(models=json.dumps([item]).encode())) as (_, provider):
            (model,) = await provider.models()
        assert window is None or model.max_tokens == window
        assert model.supports_reasoning is True


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", b'{"data":5}', b'{"message":"no luck"}', b"no luck", b'[{"error":"no luck"}]']
)
async def test_what_is_no_list_is_told(pair: Pair, body: bytes) -> None:
    async with pair.open(Script(models=body)) as (_, provider):
        with pytest.raises(ProviderFailed) as caught:
            await provider.models()
    assert caught.value.detail == f"{pair.name}: {'no luck' if b'no luck' in body else 'the answer is not understood'}"


async def test_a_list_that_never_ends_ends(pair: Pair) -> None:
    page = {"data": [], "models": [], "has_more": True, "last_id": "again", "nextPageToken": "again"}
    async with pair.open(Script(models=json.dumps(page).encode())) as (server, provider):
        assert await provider.models() == ()
    assert len(server.seen) <= 2

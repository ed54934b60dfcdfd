"""Images of a user's message, as each provider takes them."""

import json
from typing import Any

import pytest

from actors.errors import Refused
from actors.playground.prompt import ChatMessage, Image, Prompt
from actors.playground.providers import anthropic_request, openai_request
from actors.playground.providers.google import GoogleProvider
from actors.playground.providers.google_request import request_of
from actors.playground.providers.provider import Endpoint
from tests.providers.gemini import GeminiServer
from transports.http.framework.validation import structure_body
from transports.http.wire.prompts import GenerateRequest, prompt_in, request_document

_PNG, _URL = "iVBORw0KGgo=", "https://example.com/a.webp"
_DATA, _PLACE = Image(media_type="image/png", data=_PNG), Image(url=_URL)


def prompt(*images: Image, content: str = "What is this?") -> Prompt:
    message = ChatMessage(role="user", content=content, images=images)
    return Prompt(provider="openai", model="m", messages=(message,))


@pytest.mark.unit
def test_openai_takes_both_as_addresses() -> None:
    [message] = openai_request.request_body(prompt(_DATA, _PLACE))["messages"]
    assert message["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}"}},
        {"type": "image_url", "image_url": {"url": _URL}},
    ]
    [message] = openai_request.request_body(prompt())["messages"]
    assert message["content"] == "What is this?"


@pytest.mark.unit
def test_anthropic_has_a_source_for_each() -> None:
    [message] = anthropic_request.request_body(prompt(_DATA, _PLACE, content=""))["messages"]
    assert message["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
        {"type": "image", "source": {"type": "url", "url": _URL}},
    ]


@pytest.mark.integration
async def test_gemini_gets_the_bytes_and_the_address() -> None:
    async with GeminiServer() as server:
        provider = GoogleProvider(Endpoint(key="k", base_url=server.base_url))
        try:
            await provider.generate(prompt(_DATA, _PLACE))
        finally:
            await provider.close()
        [content] = server.seen[-1].body["contents"]
    written = json.dumps(content["parts"][1:]).replace("mime_type", "mimeType").replace("file_uri", "fileUri")
    assert json.loads(written) == [  # the provider reads both spellings, and the SDK writes either
        {"inlineData": {"data": _PNG, "mimeType": "image/png"}},
        {"fileData": {"fileUri": _URL, "mimeType": "image/webp"}},
    ]


@pytest.mark.unit
def test_what_is_no_base64_is_refused_for_gemini() -> None:
    with pytest.raises(Refused, match="not base64"):
        request_of(prompt(Image(media_type="image/png", data="?")))


def taken(image: dict[str, Any]) -> Prompt:
    messages = [{"role": "user", "content": "hi", "images": [image]}]
    return prompt_in(structure_body({"model": "openai/m", "messages": messages}, GenerateRequest))


@pytest.mark.unit
def test_requests_carry_images_there_and_back() -> None:
    for image in ({"media_type": "image/png", "data": _PNG}, {"url": _URL}):
        made = taken(image)
        assert request_document(made)["messages"][0]["images"] == [image]


@pytest.mark.unit
@pytest.mark.parametrize(
    "image", [{}, {"data": _PNG}, {"media_type": "image/png"}, {"url": _URL, "data": _PNG, "media_type": "x"}]
)
def test_an_image_is_here_or_there(image: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="either a url, or data"):
        taken(image)

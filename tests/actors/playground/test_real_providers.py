"""The real providers, when there is a key. These calls cost money, a little."""

import os

import pytest

from actors.playground.prompt import ChatMessage, Completion, Prompt
from actors.playground.provider_table import OpenProvider
from actors.playground.providers.anthropic import AnthropicProvider
from actors.playground.providers.google import GoogleProvider
from actors.playground.providers.openai import OpenAIProvider
from actors.playground.providers.provider import Endpoint, Provider

SAID = (ChatMessage(role="system", content="be brief"), ChatMessage(role="user", content="Say hello."))


def provider_with_key(variable: str, adapter: OpenProvider) -> Provider:
    key = os.environ.get(variable)
    if not key:
        pytest.skip(f"{variable} is not set: this test calls the provider itself")
    return adapter(Endpoint(key=key))


async def assert_speaks(provider: Provider, prompt: Prompt) -> None:
    models = await provider.models()
    assert prompt.model in {model.id for model in models}
    plain = await provider.generate(prompt)
    *_, streamed = [chunk async for chunk in provider.stream(prompt)]
    assert isinstance(streamed, Completion)
    for completion in (plain, streamed):
        assert completion.content
        assert completion.finish_reason == "stop"
        assert completion.usage is not None
        assert completion.usage.total_tokens > 0
    await provider.close()


@pytest.mark.requires_openai_api
async def test_openai_itself() -> None:
    provider = provider_with_key("OPENAI_API_KEY", OpenAIProvider)
    await assert_speaks(provider, Prompt(provider="openai", model="gpt-4o-mini", messages=SAID, max_tokens=200))


@pytest.mark.requires_anthropic_api
async def test_anthropic_itself() -> None:
    provider = provider_with_key("ANTHROPIC_API_KEY", AnthropicProvider)
    named = "claude-haiku-4-5-20251001"
    await assert_speaks(provider, Prompt(provider="anthropic", model=named, messages=SAID, max_tokens=200))


@pytest.mark.requires_gemini_api
async def test_gemini_itself() -> None:
    provider = provider_with_key("GEMINI_API_KEY", GoogleProvider)
    await assert_speaks(provider, Prompt(provider="gemini", model="gemini-2.5-flash", messages=SAID, max_tokens=2000))

"""Each provider's server with the adapter that speaks to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from actors.playground.prompt import ChatMessage, Prompt
from actors.playground.provider_table import OpenProvider
from actors.playground.providers.anthropic import AnthropicProvider
from actors.playground.providers.google import GoogleProvider
from actors.playground.providers.http_client import Timeouts
from actors.playground.providers.openai import OpenAIProvider
from actors.playground.providers.provider import Endpoint, Provider
from tests.providers.anthropic import AnthropicServer
from tests.providers.gemini import GeminiServer
from tests.providers.openai import OpenAIServer
from tests.providers.server import ProviderServer, Script

KEY = "sk-test-0123456789"


@attrs.frozen(kw_only=True)
class Pair:
    """A provider. ``model`` is one that reasons."""

    name: str
    server: type[ProviderServer]
    adapter: OpenProvider
    model: str

    def prompt(self, **changes: Any) -> Prompt:
        said = (ChatMessage(role="system", content="be brief"), ChatMessage(role="user", content="hi"))
        return attrs.evolve(Prompt(provider=self.name, model=self.model, messages=said), **changes)

    @asynccontextmanager
    async def open(
        self, script: Script | None = None, patience: Timeouts | None = None
    ) -> AsyncIterator[tuple[ProviderServer, Provider]]:
        async with self.server(script) as server:
            make: Any = self.adapter
            provider: Provider = make(Endpoint(key=KEY, base_url=server.base_url), patience)
            try:
                yield server, provider
            finally:
                await provider.close()


PAIRS = (
    Pair(name="openai", server=OpenAIServer, adapter=OpenAIProvider, model="o3"),
    Pair(name="anthropic", server=AnthropicServer, adapter=AnthropicProvider, model="claude-opus-4-5"),
    Pair(name="gemini", server=GeminiServer, adapter=GoogleProvider, model="gemini-2.5-flash"),
)

"""The table of providers: their keys' variables and their adapters.

An adapter is imported when it is first used, because its SDK takes half a second and 25 to 55 MB.
"""

import asyncio
from collections.abc import Callable, Mapping
from importlib import import_module

import attrs

from actors.errors import Refused
from actors.playground.providers.provider import Endpoint, Provider

OpenProvider = Callable[[Endpoint], Provider]


@attrs.frozen(kw_only=True)
class ProviderEntry:
    """A provider of the table. ``keyless`` says that a server under another base URL may need no key."""

    name: str
    variable: str
    adapter: str
    provider_class: str
    keyless: bool = False

    async def load(self) -> OpenProvider:
        """Import the adapter in a thread."""
        module = await asyncio.to_thread(import_module, self.adapter)
        made: OpenProvider = getattr(module, self.provider_class)
        return made


PROVIDERS: Mapping[str, ProviderEntry] = {
    entry.name: entry
    for entry in (
        ProviderEntry(
            name="anthropic",
            variable="ANTHROPIC_API_KEY",
            adapter="actors.playground.providers.anthropic",
            provider_class="AnthropicProvider",
        ),
        ProviderEntry(
            name="gemini",
            variable="GEMINI_API_KEY",
            adapter="actors.playground.providers.google",
            provider_class="GoogleProvider",
        ),
        ProviderEntry(
            name="openai",
            variable="OPENAI_API_KEY",
            adapter="actors.playground.providers.openai",
            provider_class="OpenAIProvider",
            keyless=True,
        ),
    )
}


def entry_of(provider: str) -> ProviderEntry:
    """The entry of this name. ``Refused`` when there is none."""
    entry = PROVIDERS.get(provider)
    if entry is None:
        raise Refused(f"Invalid provider. Must be one of: {', '.join(sorted(PROVIDERS))}")
    return entry

"""The open clients of the providers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from actors.playground.provider_keys import ProviderKeys
from actors.playground.provider_table import OpenProvider, ProviderEntry
from actors.playground.providers.provider import Endpoint, Provider


@attrs.define(eq=False)
class _Connection:
    """One client and how many use it now."""

    provider: Provider
    endpoint: Endpoint
    users: int = 0


class Connections:
    """One client for each provider, kept between calls, and replaced when the key changes.

    ``adapters`` stand in for the providers' own, by name.
    """

    def __init__(self, keys: ProviderKeys, adapters: Mapping[str, OpenProvider]) -> None:
        self._keys = keys
        self._adapters = adapters
        self._current: dict[str, _Connection] = {}

    def check(self, entry: ProviderEntry) -> None:
        """``Refused`` when the provider has no key."""
        self._keys.endpoint(entry)

    @asynccontextmanager
    async def to(self, entry: ProviderEntry) -> AsyncIterator[Provider]:
        """A client for the length of the block. ``Refused`` when the provider has no key."""
        connection = await self._connection(entry)
        connection.users += 1
        try:
            yield connection.provider
        finally:
            connection.users -= 1
            await self._close_replaced(entry.name, connection)

    async def close(self) -> None:
        """Close the clients that nobody uses."""
        current, self._current = self._current, {}
        for name, connection in current.items():
            await self._close_replaced(name, connection)

    async def _connection(self, entry: ProviderEntry) -> _Connection:
        endpoint = self._keys.endpoint(entry)
        current = self._current.get(entry.name)
        if current is not None and current.endpoint == endpoint:
            return current
        make = self._adapters.get(entry.name) or await entry.load()
        opened = self._current.get(entry.name)
        if opened is not None and opened.endpoint == endpoint:
            return opened  # somebody was faster
        self._current[entry.name] = made = _Connection(make(endpoint), endpoint)
        if opened is not None:
            await self._close_replaced(entry.name, opened)
        return made

    async def _close_replaced(self, name: str, connection: _Connection) -> None:
        if connection.users == 0 and self._current.get(name) is not connection:
            await connection.provider.close()

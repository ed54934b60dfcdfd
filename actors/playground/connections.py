"""The open clients of the providers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from actors.playground.provider_keys import ProviderKeys
from actors.playground.provider_table import OpenProvider, ProviderEntry
from actors.playground.providers.provider import Endpoint, Provider


@attrs.define(eq=False)
class _Connection:
    """A client and the number of its current users."""

    provider: Provider
    endpoint: Endpoint
    users: int = 0


class Connections:
    """One client for each provider, kept between calls, and replaced when the key changes.

    ``adapters`` replace the adapters of the provider table, by name.
    """

    def __init__(self, keys: ProviderKeys, adapters: Mapping[str, OpenProvider]) -> None:
        self._keys = keys
        self._adapters = adapters
        self._current: dict[str, _Connection] = {}

    def check(self, entry: ProviderEntry) -> None:
        """Raise ``Refused`` when the provider has no key."""
        self._keys.endpoint(entry)

    @asynccontextmanager
    async def to(self, entry: ProviderEntry) -> AsyncIterator[Provider]:
        """Yield a client for the length of the block. ``Refused`` when the provider has no key."""
        connection = await self._connection(entry)
        connection.users += 1
        try:
            yield connection.provider
        finally:
            connection.users -= 1
            await self._close_replaced(entry.name, connection)

    async def close(self) -> None:
        """Drop all clients. Idle ones are closed now, the others when their last user is done."""
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
            return opened  # another call opened it meanwhile
        self._current[entry.name] = made = _Connection(make(endpoint), endpoint)
        if opened is not None:
            await self._close_replaced(entry.name, opened)
        return made

    async def _close_replaced(self, name: str, connection: _Connection) -> None:
        if connection.users == 0 and self._current.get(name) is not connection:
            await connection.provider.close()

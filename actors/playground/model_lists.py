"""Cache of the providers' lists of models."""

import asyncio
from collections import Counter, defaultdict

import attrs
import structlog

from actors.clock import Clock
from actors.errors import ProviderFailed
from actors.playground.connections import Connections
from actors.playground.provider_table import ProviderEntry
from actors.playground.providers.provider import Model

log = structlog.get_logger(__name__)

_SECONDS = 900  # as the reference's cache (contract, section 7)


@attrs.frozen(kw_only=True)
class _List:
    models: tuple[Model, ...]
    fetched_at: float  # Unix seconds


class ModelLists:
    """One list for each provider. An empty list is not cached."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._lists: dict[str, _List] = {}
        # Number of drops by provider: a fetch that began before the latest one used another key.
        self._forgotten: Counter[str] = Counter()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one call for all who wait

    async def models(self, entry: ProviderEntry) -> tuple[Model, ...]:
        """The list, at most 900 s old. Raises ``Refused`` and ``ProviderFailed``."""
        async with self._turns[entry.name]:
            kept = self._lists.get(entry.name)
            if kept is not None and self._clock().timestamp() - kept.fetched_at < _SECONDS:
                return kept.models
            return await self._fetch(entry, "fetch")

    async def refresh(self, entry: ProviderEntry) -> tuple[Model, ...]:
        """The list as it is now."""
        async with self._turns[entry.name]:
            return await self._fetch(entry, "refresh")

    def forget(self, entry: ProviderEntry) -> None:
        """Drop the list, because another key may see other models."""
        self._lists.pop(entry.name, None)
        self._forgotten[entry.name] += 1

    async def _fetch(self, entry: ProviderEntry, verb: str) -> tuple[Model, ...]:
        forgotten = self._forgotten[entry.name]
        async with self._connections.to(entry) as provider:
            try:
                models = await provider.models()
            except ProviderFailed as error:
                log.warning("model list not fetched", provider=entry.name, reason=error.detail)
                failed = ProviderFailed(f"Failed to {verb} models from {entry.name} API")
                failed.retry_after = error.retry_after
                raise failed from error
        if models and forgotten == self._forgotten[entry.name]:
            self._lists[entry.name] = _List(models=models, fetched_at=self._clock().timestamp())
        return models

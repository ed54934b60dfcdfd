"""What users delete, and the record of who did."""

from pathlib import Path

import structlog

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock, utc_now
from actors.errors import NotFound
from actors.principal import Principal
from actors.span_store.messages import Deleted, DeleteService, DeleteTrace
from actors.span_store.store import SpanStore
from actors.sqlite import Database

log = structlog.get_logger(__name__)


class Deletions:
    """Deletes traces and services on behalf of users.

    The audit trail is in another file than the spans, so the two cannot commit together. It is written first: no span
    goes without a row that says who wanted it, and a row without effect can only come from a fault in between.
    """

    def __init__(self, accounts: Path, clock: Clock = utc_now) -> None:
        self._path = accounts
        self._clock = clock
        self._audit: Database | None = None

    async def open(self) -> None:
        """Raises as ``Database.open`` does."""
        self._audit = await Database.open(self._path, AUDIT)

    async def close(self) -> None:
        if self._audit is not None:
            await self._audit.close()

    async def trace(self, store: SpanStore, request: DeleteTrace) -> Deleted:
        """Raises ``NotFound``."""
        if not await store.read(lambda reader: reader.has("trace_id", request.trace_id)):
            raise NotFound("Trace not found")
        await self._record(Resource.TRACE, request.trace_id, request.by)
        return await _delete(store, "trace_id", request.trace_id)

    async def service(self, store: SpanStore, request: DeleteService) -> Deleted:
        """Raises ``NotFound``."""
        if not await store.read(lambda reader: reader.has("service_name", request.service_name)):
            raise NotFound("Service not found")
        await self._record(Resource.SERVICE, request.service_name, request.by)
        return await _delete(store, "service_name", request.service_name)

    async def _record(self, resource: Resource, name: str, by: Principal) -> None:
        if self._audit is None:
            raise RuntimeError("a message came before start")
        async with audited(self._audit, self._clock()) as change:
            await change.record(AuditEntry(action=Action.DELETE, resource=resource, resource_id=name, by=by))


async def _delete(store: SpanStore, column: str, value: str) -> Deleted:
    deleted = await store.delete(column, value)
    log.info("spans deleted", spans=deleted, **{column: value})
    return Deleted(spans=deleted)

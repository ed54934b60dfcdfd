"""What users delete, and the record of who did."""

import structlog

from actors.audit import Action, Resource
from actors.errors import NotFound
from actors.span_store.audit_log import AuditLog
from actors.span_store.embedded.maintenance.deletion_predicate import DeletionColumn
from actors.span_store.embedded.store import SpanStore
from actors.span_store.messages import Deleted, DeleteService, DeleteTrace

log = structlog.get_logger(__name__)


class AuditedDeletion:
    """Deletes traces and services on behalf of users.

    The audit trail is in another file than the spans, so the two cannot commit together. It is written first: no span
    goes without a row that says who wanted it, and a row without effect can only come from a fault in between.
    """

    def __init__(self, trail: AuditLog) -> None:
        self._audit_log = trail

    async def trace(self, store: SpanStore, request: DeleteTrace) -> Deleted:
        """Raises ``NotFound``."""
        if not await store.read(lambda reader: reader.has("trace_id", request.trace_id)):
            raise NotFound("Trace not found")
        await self._audit_log.record(Action.DELETE, Resource.TRACE, request.trace_id, request.by)
        return await _delete(store, "trace_id", request.trace_id)

    async def service(self, store: SpanStore, request: DeleteService) -> Deleted:
        """Raises ``NotFound``."""
        if not await store.read(lambda reader: reader.has("service_name", request.service_name)):
            raise NotFound("Service not found")
        await self._audit_log.record(Action.DELETE, Resource.SERVICE, request.service_name, request.by)
        return await _delete(store, "service_name", request.service_name)


async def _delete(store: SpanStore, column: DeletionColumn, value: str) -> Deleted:
    deleted = await store.delete(column, value)
    log.info("spans deleted", spans=deleted, **{column: value})
    return Deleted(spans=deleted)

"""Deletions on behalf of users, and the record of who wanted them."""

import structlog

from actors.audit import Action, Resource
from actors.errors import NotFound
from actors.principal import Principal
from actors.span_store.audit_log import AuditLog
from actors.span_store.messages import Deleted, DeleteService, DeleteTrace
from actors.span_store.storage import Scope, SpanStorage

log = structlog.get_logger(__name__)


class AuditedDeletion:
    """Deletes traces and services on behalf of users.

    The audit log is in another file than the spans, so the two cannot commit together. It is written first: no span
    goes without a row that says who wanted it, and a row without effect can only come from a fault in between.
    """

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log

    async def trace(self, storage: SpanStorage, request: DeleteTrace) -> Deleted:
        """Raises ``NotFound``."""
        scope = Scope("trace_id", request.trace_id)
        return await self._delete(storage, scope, Resource.TRACE, request.by)

    async def service(self, storage: SpanStorage, request: DeleteService) -> Deleted:
        """Raises ``NotFound``."""
        scope = Scope("service_name", request.service_name)
        return await self._delete(storage, scope, Resource.SERVICE, request.by)

    async def _delete(self, storage: SpanStorage, scope: Scope, resource: Resource, by: Principal) -> Deleted:
        async with storage.freeing():
            if not await storage.has(scope):
                raise NotFound(f"{resource.value.capitalize()} not found")
            await self._audit_log.record(Action.DELETE, resource, scope.value, by)
            deleted = await storage.delete(scope)
        log.info("spans deleted", spans=deleted, **{scope.column: scope.value})
        return Deleted(spans=deleted)

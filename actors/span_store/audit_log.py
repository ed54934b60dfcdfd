"""The audit trail, which is in the SQLite file of the accounts."""

from pathlib import Path

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock, utc_now
from actors.principal import Principal
from actors.sqlite import Database


class AuditLog:
    """Records who did what with the spans of everybody."""

    def __init__(self, accounts: Path, clock: Clock = utc_now) -> None:
        self._path = accounts
        self._clock = clock
        self._database: Database | None = None

    async def open(self) -> None:
        """Raises as ``Database.open`` does."""
        self._database = await Database.open(self._path, AUDIT)

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()

    async def record(self, action: Action, resource: Resource, resource_id: str | None, by: Principal) -> None:
        if self._database is None:
            raise RuntimeError("a message came before start")
        async with audited(self._database, self._clock()) as change:
            await change.record(AuditEntry(action=action, resource=resource, resource_id=resource_id, by=by))

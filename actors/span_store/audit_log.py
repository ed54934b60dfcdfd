"""The audit trail, which is in the SQLite file of the accounts."""

from pathlib import Path

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock, utc_now
from actors.principal import Principal
from actors.sqlite import Database


class AuditLog:
    """Records who did what with the spans of everybody."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, accounts: Path, clock: Clock = utc_now) -> "AuditLog":
        """Open the SQLite file of the accounts. Raises as ``Database.open`` does."""
        return cls(await Database.open(accounts, AUDIT), clock)

    async def close(self) -> None:
        await self._database.close()

    async def record(self, action: Action, resource: Resource, resource_id: str | None, by: Principal) -> None:
        async with audited(self._database, self._clock()) as change:
            await change.record(AuditEntry(action=action, resource=resource, resource_id=resource_id, by=by))

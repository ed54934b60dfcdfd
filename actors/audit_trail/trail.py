"""The audit trail in SQLite: read, added to, and swept of old entries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited, sweeping
from actors.audit_trail.messages import AuditPage, ListAudit, TrailEntry
from actors.audit_trail.selection import Selection, place_of
from actors.audit_trail.settings import Setting, changes
from actors.clock import Clock
from actors.principal import SYSTEM
from actors.sqlite import Database

_BATCH = 500  # rows that a sweep deletes in a transaction: other actors write to this file between them


class AuditTrail:
    """The stored trail. Every method raises ``Unavailable`` where the file cannot be read or written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "AuditTrail":
        """Open the file. Raises as ``Database.open`` does."""
        return cls(await Database.open(path, AUDIT), clock)

    async def close(self) -> None:
        await self._database.close()

    async def record(self, entry: AuditEntry) -> None:
        async with audited(self._database, self._clock()) as change:
            await change.record(entry)

    async def page(self, request: ListAudit) -> AuditPage:
        """Read a page. One entry more than asked for is read, which tells whether there are more."""
        query = Selection.of(request).page(request.limit + 1, request.after)
        found = [TrailEntry(**row) for row in await self._database.rows(query.sql, *query.parameters)]
        entries = tuple(found[: request.limit])
        return AuditPage(entries=entries, next=place_of(entries[-1]) if len(found) > len(entries) else None)

    async def record_settings(self, settings: Sequence[Setting]) -> None:
        """Record the settings that differ from the last start's, if any do, and keep them for the next."""
        async with audited(self._database, self._clock()) as change:
            rows = await change.rows("SELECT name, value FROM audit_settings")
            kept = {row["name"]: row["value"] for row in rows}
            details = changes(kept, settings)
            if details:
                entry = AuditEntry(
                    action=Action.UPDATE, resource=Resource.SETTINGS, resource_id=None, by=SYSTEM, details=details
                )
                await change.record(entry)
            now = {setting.name: setting.value for setting in settings}
            if now != kept:
                await change.rows("DELETE FROM audit_settings")
                await change.many("INSERT INTO audit_settings (name, value) VALUES (?, ?)", now.items())

    async def sweep(self, age: timedelta, now: datetime) -> int:
        """Delete the entries that are older than ``age``, oldest first; returns how many.

        Clocks jump, and ids only grow: an entry recorded after one that is kept is no older than that, whatever its
        time says, and is kept too.
        """
        horizon = int((now - age).timestamp())
        kept = await self._first_kept(horizon, int(now.timestamp()))
        total = 0
        while due := await self._database.rows(
            "SELECT id FROM audit_trail NOT INDEXED WHERE id < ? AND at < ? ORDER BY id LIMIT ?", kept, horizon, _BATCH
        ):
            async with self._database.transaction() as transaction, sweeping(transaction, before=horizon):
                await transaction.many("DELETE FROM audit_trail WHERE id = ?", [(row["id"],) for row in due])
            total += len(due)
        return total

    async def _first_kept(self, horizon: int, now: int) -> int:
        """The lowest id of the entries to keep. An entry dated ahead of now keeps nothing but itself."""
        rows = await self._database.rows(
            "SELECT id FROM audit_trail NOT INDEXED WHERE at >= ? AND at <= ? ORDER BY id LIMIT 1", horizon, now
        )
        return int(rows[0]["id"]) if rows else 2**63 - 1

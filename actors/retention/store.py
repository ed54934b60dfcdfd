"""The rule in SQLite, and in memory."""

from datetime import timedelta
from pathlib import Path

from actors.audit import AUDIT, Action, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import InvalidRequest
from actors.principal import Principal
from actors.retention.messages import LEAST_BYTES, LEAST_HOURS, MOST_BYTES, MOST_DAYS
from actors.span_store.asked.retention import RetentionRule
from actors.sqlite import Component, Database

_RETENTION = Component(name="retention", package="actors.retention")


class RetentionStore:
    """Keeps the rule. Memory follows the file: when a change fails there, nothing has changed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.rule = RetentionRule()

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> "RetentionStore":
        """Open the SQLite file and read the rule. Raises as ``Database.open`` does."""
        store = cls(await Database.open(path, AUDIT, _RETENTION), clock)
        try:
            await store._load()
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        await self._database.close()

    async def set(self, rule: RetentionRule, by: Principal) -> None:
        """Keep a rule in place of the one before. Raises ``InvalidRequest``."""
        _check(rule)
        async with audited(self._database, self._clock()) as change:
            await change.rows(
                "INSERT OR REPLACE INTO retention (one, seconds, bytes) VALUES (1, ?, ?)",
                None if rule.age is None else rule.age.total_seconds(),
                rule.size,
            )
            await change.record(_entry(rule, by))
        self.rule = rule

    async def _load(self) -> None:
        async with self._database.transaction() as transaction:
            rows = await transaction.rows("SELECT seconds, bytes FROM retention")
        for row in rows:
            age = None if row["seconds"] is None else timedelta(seconds=row["seconds"])
            self.rule = RetentionRule(age=age, size=row["bytes"])


def _check(rule: RetentionRule) -> None:
    if rule.age is not None and not timedelta(hours=LEAST_HOURS) <= rule.age <= timedelta(days=MOST_DAYS):
        raise InvalidRequest(f"Spans are kept for an hour at least, and {MOST_DAYS} days at most")
    if rule.size is not None and not LEAST_BYTES <= rule.size <= MOST_BYTES:
        raise InvalidRequest("Spans may take from a megabyte to a thousand terabytes")


def _entry(rule: RetentionRule, by: Principal) -> AuditEntry:
    details = {} if rule.age is None else {"seconds": repr(rule.age.total_seconds())}
    details |= {} if rule.size is None else {"bytes": str(rule.size)}
    return AuditEntry(action=Action.UPDATE, resource=Resource.RETENTION, resource_id=None, by=by, details=details)

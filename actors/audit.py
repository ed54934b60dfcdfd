"""The audit trail's writing side: a row that commits with the change, and a log line after the commit.

The fields follow the product's contract.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import attrs
import orjson
import structlog

from actors.audit_entry import Action, AuditEntry, Outcome, Resource
from actors.sqlite import Component, Database, Transaction

__all__ = [
    "AUDIT",
    "Action",
    "AuditEntry",
    "AuditedTransaction",
    "Outcome",
    "Resource",
    "audited",
    "keep_failed_sign_ins",
    "sweeping",
]

log = structlog.get_logger(__name__)

AUDIT = Component(name="audit", package="actors")
_LONGEST = 1024  # characters


class AuditedTransaction:
    """A transaction that also writes the audit trail."""

    def __init__(self, transaction: Transaction, at: datetime) -> None:
        self._at = int(at.timestamp())
        self.rows = transaction.rows
        self.many = transaction.many
        self.entries: list[AuditEntry] = []

    async def record(self, entry: AuditEntry) -> None:
        """Add an entry, which counts only if the transaction commits."""
        entry = _clipped(entry)
        await self.rows(
            "INSERT INTO audit_trail"
            " (at, action, resource_type, resource_id, user_email, user_id, session_id, details,"
            " key_id, address, request_id, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self._at,
            entry.action.value,
            entry.resource.value,
            entry.resource_id,
            entry.by.email,
            entry.by.user_id,
            entry.by.session_id,
            orjson.dumps(dict(entry.details)).decode(),
            entry.by.key_id,
            entry.by.client.address,
            entry.by.client.request_id,
            entry.outcome.value,
        )
        self.entries.append(entry)

    async def has_deleted(self, resource: Resource, resource_id: str) -> bool:
        """Whether this user or key was deleted here, also when the entry has been swept since."""
        found = await self.rows(
            "SELECT 1 FROM audit_ended WHERE resource_type = ? AND resource_id = ?", resource.value, resource_id
        )
        return bool(found)


@asynccontextmanager
async def audited(database: Database, at: datetime) -> AsyncIterator[AuditedTransaction]:
    """Open a transaction whose audit lines are logged once it has committed."""
    async with database.transaction() as transaction:
        change = AuditedTransaction(transaction, at)
        yield change
    for entry in change.entries:
        log.info(_title(entry), **_fields(entry))


@asynccontextmanager
async def sweeping(
    transaction: Transaction, *, before: int | None = None, failed_up_to: int | None = None
) -> AsyncIterator[None]:
    """Let entries be deleted inside the block.

    They are those before a Unix second, or failed and refused sign-ins up to an id.
    """
    await transaction.rows("UPDATE audit_horizon SET before = ?, failed_up_to = ?", before, failed_up_to)
    yield
    await transaction.rows("UPDATE audit_horizon SET before = NULL, failed_up_to = NULL")


async def keep_failed_sign_ins(transaction: Transaction, most: int) -> None:
    """Delete all failed and refused sign-ins but the latest ``most``: anybody can cause any number of them."""
    failed = Action.SIGN_IN_FAILED.value
    newest_to_go = await transaction.rows(
        "SELECT id FROM audit_trail WHERE action = ? ORDER BY id DESC LIMIT 1 OFFSET ?", failed, most
    )
    for row in newest_to_go:
        async with sweeping(transaction, failed_up_to=row["id"]):
            await transaction.rows("DELETE FROM audit_trail WHERE action = ? AND id <= ?", failed, row["id"])


def _clipped(entry: AuditEntry) -> AuditEntry:
    """Clip the texts of an entry, some of which are as long as a client likes."""
    details = {
        name: value[:_LONGEST] if isinstance(value, str) else [item[:_LONGEST] for item in value]
        for name, value in entry.details.items()
    }
    resource_id = entry.resource_id and entry.resource_id[:_LONGEST]
    return attrs.evolve(entry, resource_id=resource_id, details=details)


def _title(entry: AuditEntry) -> str:
    subject = f"AUDIT: {entry.action.value.upper()} {entry.resource.value}"
    return subject if entry.resource_id is None else f"{subject} (id={entry.resource_id})"


def _fields(entry: AuditEntry) -> dict[str, Any]:
    return {
        "audit": True,
        "action": entry.action.value,
        "resource_type": entry.resource.value,
        "resource_id": entry.resource_id,
        "user_email": entry.by.email,
        "user_id": entry.by.user_id,
        "session_id": entry.by.session_id,
        "key_id": entry.by.key_id,
        "address": entry.by.client.address,
        "outcome": entry.outcome.value,
        "details": dict(entry.details),
    }

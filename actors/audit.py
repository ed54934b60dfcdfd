"""Who changed what: a row that commits with the change, and a log line once it has.

Actions, resources and fields follow the product's contract. An entry never holds a secret or a part of one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from enum import Enum
from typing import Any

import attrs
import orjson
import structlog

from actors.principal import Principal
from actors.sqlite import Component, Database, Transaction

log = structlog.get_logger(__name__)

AUDIT = Component(name="audit", package="actors")


class Action(Enum):
    """What was done."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    SIGN_IN = "auth_sign_in"
    SIGN_IN_FAILED = "auth_sign_in_failed"
    SIGN_OUT = "auth_sign_out"


class Resource(Enum):
    """What it was done to."""

    USER = "user"
    SESSION = "session"
    API_KEY = "api_key"
    PROVIDER_KEY = "provider_key"
    TRACE = "trace"
    SERVICE = "service"
    BACKUP = "backup"


class Outcome(Enum):
    """What came of it."""

    OK = "ok"
    REFUSED = "refused"  # who asked may not, or not now
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class AuditEntry:
    """One change. ``details`` holds plain values only."""

    action: Action
    resource: Resource
    resource_id: str | None
    by: Principal
    outcome: Outcome = Outcome.OK
    details: Mapping[str, str | Sequence[str]] = attrs.field(factory=dict)


class AuditedTransaction:
    """A transaction that also writes the audit trail."""

    def __init__(self, transaction: Transaction, at: datetime) -> None:
        self._at = int(at.timestamp())
        self.rows = transaction.rows
        self.many = transaction.many
        self.entries: list[AuditEntry] = []

    async def record(self, entry: AuditEntry) -> None:
        """Add an entry, which counts only if the transaction commits."""
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
        """Whether the trail has the end of this one."""
        return bool(
            await self.rows(
                "SELECT 1 FROM audit_trail WHERE action = ? AND resource_type = ? AND resource_id = ? LIMIT 1",
                Action.DELETE.value,
                resource.value,
                resource_id,
            )
        )


@asynccontextmanager
async def audited(database: Database, at: datetime) -> AsyncIterator[AuditedTransaction]:
    """A transaction whose audit lines are logged once it has committed."""
    async with database.transaction() as transaction:
        change = AuditedTransaction(transaction, at)
        yield change
    for entry in change.entries:
        log.info(_title(entry), **_fields(entry))


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

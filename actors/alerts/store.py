"""The alerts in SQLite, their history, and what is to be sent of it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import nanoid

from actors.alerts import outbox
from actors.alerts.checks import Check, Watched
from actors.alerts.messages import (
    MOST_ALERTS,
    MOST_CHANGES,
    MOST_OF_OWNER,
    Alert,
    AlertChangePage,
    AlertOwner,
    AlertState,
    ChangeAlert,
    Condition,
    CreateAlert,
    CreatedAlert,
    DeleteAlert,
)
from actors.alerts.rows import alert_in, change_in, condition_values, details_of
from actors.audit import AUDIT, Action, AuditedTransaction, AuditEntry, Resource, audited
from actors.clock import Clock
from actors.errors import Conflict, Forbidden, NotFound
from actors.principal import Principal, Role
from actors.sealing import Seal
from actors.sqlite import Component, Database, Transaction

_ALERTS = Component(name="alerts", package="actors.alerts")
_ID_LENGTH = 21
_SECRET_BYTES = 32
_EPOCH = datetime.fromtimestamp(0, UTC)
_GONE = "SELECT resource_id FROM audit_ended WHERE resource_type = 'user'"
_CONDITION = ("q", "of", "measure", "interval", "op", "threshold")


class AlertStore:
    """Keeps the alerts. Every change is durable when its method returns, and with it what is to be sent of it."""

    def __init__(self, database: Database, clock: Clock, seal: Seal) -> None:
        self._database = database
        self._clock = clock
        self._seal = seal
        self.outbox = outbox.Outbox(database, seal)

    @classmethod
    async def open(cls, path: Path, clock: Clock, seal: Seal) -> "AlertStore":
        """Open the SQLite file. Raises as ``Database.open`` does. ``seal`` is for secrets."""
        return cls(await Database.open(path, AUDIT, _ALERTS), clock, seal)

    async def close(self) -> None:
        await self._database.close()

    async def create(self, request: CreateAlert) -> CreatedAlert:
        """Add an alert. Raises ``Conflict`` when there are too many."""
        now = self._clock()
        secret = f"whsec_{secrets.token_urlsafe(_SECRET_BYTES)}"
        alert = _made(request, nanoseconds(now))
        async with audited(self._database, now) as change:
            await _demand_room(change, request.by)
            await _insert(change, alert, self._seal.close(secret, outbox.purpose(alert.id)))
            await change.record(_entry(Action.CREATE, alert, request.by, details_of(alert)))
        return CreatedAlert(alert=alert, secret=secret)

    async def all(self) -> tuple[Alert, ...]:
        """All alerts, the latest first."""
        return tuple(map(alert_in, await self._database.rows("SELECT * FROM alerts ORDER BY position DESC")))

    async def get(self, alert_id: str) -> Alert:
        """One alert. Raises ``NotFound``."""
        rows = await self._database.rows("SELECT * FROM alerts WHERE id = ?", alert_id)
        if not rows:
            raise _not_found()
        return alert_in(rows[0])

    async def change(self, request: ChangeAlert) -> Alert:
        """Change an alert. Raises ``NotFound`` or ``Forbidden``."""
        now = self._clock()
        async with audited(self._database, now) as change:
            before = await _changeable(change, request.id, request.by)
            after = await _with_owner(change, _changed(before, request, nanoseconds(now)), request.by)
            if after != before:
                await _update(change, before, after)
                details = {
                    name: value for name, value in details_of(after).items() if name in _differing(before, after)
                }
                await change.record(_entry(Action.UPDATE, after, request.by, {"name": after.name, **details}))
        return after

    async def delete(self, request: DeleteAlert) -> None:
        """Delete an alert with its history and its messages. Raises ``NotFound`` or ``Forbidden``."""
        async with audited(self._database, self._clock()) as change:
            alert = await _changeable(change, request.id, request.by)
            await change.rows("DELETE FROM alerts WHERE id = ?", alert.id)
            await change.record(_entry(Action.DELETE, alert, request.by, details_of(alert)))

    async def history(self, alert_id: str, limit: int, after: int | None) -> AlertChangePage:
        """Changes of an alert's state, latest first. Raises ``NotFound``."""
        await self.get(alert_id)
        rows = await self._database.rows(
            "SELECT * FROM alert_changes WHERE alert_id = ? AND position < ? ORDER BY position DESC LIMIT ?",
            alert_id,
            2**63 - 1 if after is None else after,
            limit + 1,
        )
        changes = tuple(map(change_in, rows[:limit]))
        return AlertChangePage(changes=changes, next=changes[-1].position if len(rows) > limit else None)

    async def watched(self) -> list[Watched]:
        """The alerts as they are to be checked, those first that were not for the longest time."""
        rows = await self._database.rows("SELECT * FROM alerts ORDER BY checked_at, position")
        return [Watched(alert_in(row), row["revision"]) for row in rows]

    async def states(self) -> Mapping[AlertState, int]:
        rows = await self._database.rows("SELECT state, count(*) AS alerts FROM alerts GROUP BY state")
        found = {AlertState(row["state"]): row["alerts"] for row in rows}
        return {state: found.get(state, 0) for state in AlertState}

    async def record(self, checks: Sequence[Check]) -> None:
        """Keep what was found, the changes among it in the history and the outbox too.

        What was found for a condition that is another one by now, or gone, counts for nothing.
        """
        async with self._database.transaction() as transaction:
            for check in checks:
                await _record(transaction, check)

    async def forget_webhooks_of_the_gone(self) -> None:
        """Send nothing any more to where users wanted it who were deleted: they may not know what goes on here."""
        wanted = f"webhook IS NOT NULL AND owner_id IN ({_GONE})"
        if await self._database.rows(f"SELECT 1 FROM alerts WHERE {wanted} LIMIT 1"):  # noqa: S608 - own text
            async with self._database.transaction() as transaction:
                await transaction.rows(f"UPDATE alerts SET webhook = NULL WHERE {wanted}")  # noqa: S608 - own text


def nanoseconds(moment: datetime) -> int:
    """A time as a Unix nanosecond."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _made(request: CreateAlert, now: int) -> Alert:
    return Alert(
        id=nanoid.generate(size=_ID_LENGTH),
        name=request.name,
        condition=request.condition,
        webhook=request.webhook,
        owner=AlertOwner(id=request.by.user_id, email=request.by.email),
        state=AlertState.NO_DATA,
        value=None,
        since=now,
        checked_at=None,
    )


async def _demand_room(change: AuditedTransaction, by: Principal) -> None:
    [row] = await change.rows("SELECT count(*), coalesce(sum(owner_id = ?), 0) FROM alerts", by.user_id)
    if row[0] >= MOST_ALERTS:
        raise Conflict(f"There are {MOST_ALERTS} alerts already: delete one first")
    if row[1] >= MOST_OF_OWNER:
        raise Conflict(f"You have {MOST_OF_OWNER} alerts already: delete one first")


async def _insert(change: AuditedTransaction, alert: Alert, sealed: bytes) -> None:
    await change.rows(
        "INSERT INTO alerts (id, name, q, subject, measure, interval, op, threshold,"
        " webhook, secret, owner_id, owner_email, state, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        alert.id,
        alert.name,
        *condition_values(alert.condition),
        alert.webhook,
        sealed,
        alert.owner.id,
        alert.owner.email,
        alert.state.value,
        alert.since,
    )


async def _changeable(change: AuditedTransaction, alert_id: str, by: Principal) -> Alert:
    """The alert, if the user may change it."""
    rows = await change.rows("SELECT * FROM alerts WHERE id = ?", alert_id)
    if not rows:
        raise _not_found()
    alert = alert_in(rows[0])
    if by.role is not Role.ADMIN and alert.owner.id != by.user_id:
        raise Forbidden("This needs an admin")
    return alert


def _changed(alert: Alert, request: ChangeAlert, now: int) -> Alert:
    """The alert with what is given. With another condition it begins anew."""
    given = {name: getattr(request, name) for name in _CONDITION if getattr(request, name) is not None}
    condition: Condition = attrs.evolve(alert.condition, **given)
    webhook = alert.webhook if request.webhook is None else request.webhook.url
    after = attrs.evolve(alert, name=request.name or alert.name, webhook=webhook)
    if condition == alert.condition:
        return after
    since = alert.since if alert.state is AlertState.NO_DATA else now
    return attrs.evolve(after, condition=condition, state=AlertState.NO_DATA, value=None, since=since, checked_at=None)


async def _with_owner(change: AuditedTransaction, alert: Alert, by: Principal) -> Alert:
    """The alert; whoever changes one whose owner was deleted owns it."""
    if await change.has_deleted(Resource.USER, alert.owner.id):
        return attrs.evolve(alert, owner=AlertOwner(id=by.user_id, email=by.email))
    return alert


async def _update(change: AuditedTransaction, before: Alert, after: Alert) -> None:
    await change.rows(
        "UPDATE alerts SET name = ?, q = ?, subject = ?, measure = ?, interval = ?, op = ?, threshold = ?,"
        " webhook = ?, owner_id = ?, owner_email = ?, state = ?, value = ?, since = ?, checked_at = ?,"
        " revision = revision + ? WHERE id = ?",
        after.name,
        *condition_values(after.condition),
        after.webhook,
        after.owner.id,
        after.owner.email,
        after.state.value,
        after.value,
        after.since,
        after.checked_at,
        int(after.condition != before.condition),
        after.id,
    )
    if after.state is not before.state:
        await _remember(change, after.id, after.since, after.state, None)


async def _record(transaction: Transaction, check: Check) -> None:
    alert, revision = check.watched.alert, check.watched.revision
    since = check.at if check.is_change else alert.since
    rows = await transaction.rows(
        "UPDATE alerts SET state = ?, value = ?, since = ?, checked_at = ? WHERE id = ? AND revision = ? RETURNING *",
        check.state.value,
        check.value,
        since,
        check.at,
        alert.id,
        revision,
    )
    if rows and check.is_change:
        await _remember(transaction, alert.id, check.at, check.state, check.value)
        await outbox.put(transaction, alert_in(rows[0]), alert.state, check.at)


async def _remember(
    transaction: Transaction | AuditedTransaction, alert_id: str, at: int, state: AlertState, value: float | None
) -> None:
    """Add to the history, and take away what is too much of it."""
    await transaction.rows(
        "INSERT INTO alert_changes (alert_id, at, state, value) VALUES (?, ?, ?, ?)", alert_id, at, state.value, value
    )
    await transaction.rows(
        "DELETE FROM alert_changes WHERE alert_id = ?1 AND position <= (SELECT position FROM alert_changes"
        " WHERE alert_id = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)",
        alert_id,
        MOST_CHANGES,
    )


def _differing(before: Alert, after: Alert) -> Iterable[str]:
    old, new = details_of(before), details_of(after)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _entry(action: Action, alert: Alert, by: Principal, details: Mapping[str, str]) -> AuditEntry:
    return AuditEntry(action=action, resource=Resource.ALERT, resource_id=alert.id, by=by, details=details)


def _not_found() -> NotFound:
    return NotFound("There is no such alert")

"""What is still to be sent to webhooks, in the SQLite file: what a restart cuts short is sent after it."""

import sqlite3

import attrs
import structlog

from actors.alerts.body import body_of
from actors.alerts.messages import Alert, AlertState
from actors.sealing import Seal, SealBroken
from actors.sqlite import Database, Transaction

log = structlog.get_logger(__name__)

_MOST_OF_ALERT = 20
# The oldest of each alert: what comes after it waits, so that changes are told in their order.
_HEADS = """
    SELECT outbox.position, outbox.alert_id, outbox.body, outbox.attempts, alerts.webhook, alerts.secret
    FROM alert_outbox AS outbox JOIN alerts ON alerts.id = outbox.alert_id
    WHERE outbox.position IN (SELECT min(position) FROM alert_outbox GROUP BY alert_id)
    ORDER BY outbox.position
"""


@attrs.frozen(kw_only=True)
class Letter:
    """A message that is to be sent: the oldest one of its alert. ``secret`` is ``None`` when it cannot be read."""

    position: int
    alert_id: str
    body: bytes = attrs.field(repr=False)
    attempts: int
    url: str | None = attrs.field(repr=False)
    secret: str | None = attrs.field(repr=False)


class Outbox:
    """Reads and clears the messages. ``put`` adds one, in the transaction of the change that it tells of."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def letters(self) -> list[Letter]:
        """The oldest message of each alert."""
        return [self._letter(row) for row in await self._database.rows(_HEADS)]

    async def count(self) -> int:
        [row] = await self._database.rows("SELECT count(*) FROM alert_outbox")
        return int(row[0])

    async def drop(self, letter: Letter) -> None:
        """Take out a message that was sent, or never will be."""
        async with self._database.transaction() as transaction:
            await transaction.rows("DELETE FROM alert_outbox WHERE position = ?", letter.position)

    async def failed(self, letter: Letter) -> None:
        """Count an attempt."""
        async with self._database.transaction() as transaction:
            await transaction.rows(
                "UPDATE alert_outbox SET attempts = attempts + 1 WHERE position = ?", letter.position
            )

    def _letter(self, row: sqlite3.Row) -> Letter:
        return Letter(
            position=row["position"],
            alert_id=row["alert_id"],
            body=row["body"],
            attempts=row["attempts"],
            url=row["webhook"],
            secret=self._opened(row),
        )

    def _opened(self, row: sqlite3.Row) -> str | None:
        try:
            return self._seal.open(row["secret"], purpose(row["alert_id"]))
        except SealBroken:
            return None


async def put(transaction: Transaction, alert: Alert, previous: AlertState, at: int) -> None:
    """Add what tells of a change, if anybody wants to be told. Of too many of an alert the oldest go."""
    if alert.webhook is None:
        return
    await transaction.rows(
        "INSERT INTO alert_outbox (alert_id, body) VALUES (?, ?)", alert.id, body_of(alert, previous, at)
    )
    dropped = await transaction.rows(
        "DELETE FROM alert_outbox WHERE alert_id = ?1 AND position <= (SELECT position FROM alert_outbox"
        " WHERE alert_id = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2) RETURNING 1",
        alert.id,
        _MOST_OF_ALERT,
    )
    if dropped:
        log.warning("webhook not called: too many messages wait", alert=alert.id, messages=len(dropped))


def purpose(alert_id: str) -> bytes:
    """Associated data of a sealed secret, so that it opens for no other alert and for nothing else."""
    return f"junjo webhook secret 1 {alert_id}".encode()

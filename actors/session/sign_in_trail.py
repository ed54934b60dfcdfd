"""The audit trail of failed and refused sign-ins, bounded so that a flood of them cannot fill the disk."""

from datetime import datetime, timedelta

import structlog

from actors.audit import Action, AuditedTransaction, AuditEntry, Outcome, Resource, audited, keep_failed_sign_ins
from actors.errors import Unavailable
from actors.principal import Principal
from actors.session.throttle import network_of
from actors.sqlite import Database

log = structlog.get_logger(__name__)

_MOST_ROWS = 20_000  # in the trail, failed and refused ones together
_ONE_ROW = timedelta(minutes=1)  # for each account and address that is refused
_MOST_REFUSALS = 60  # rows in that time, of all accounts and addresses


class SignInTrail:
    """Records failed and refused sign-ins.

    A failure takes the work of a password check, which bounds their rate, and is a row. A refusal takes nothing, so one
    row stands for those of a minute, of one account from one address; there are at most 60 in a minute, or else a flood
    from everywhere would keep the disk busy. Of all rows the trail keeps the latest 20,000.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recorded: dict[tuple[bytes, str], datetime] = {}  # refusals of the last minute
        self._rows = 0  # in the trail at the most: another program may have removed some

    async def load(self) -> None:
        """Count the rows of the trail."""
        [row] = await self._database.rows(
            "SELECT count(*) FROM audit_trail WHERE action = ?", Action.SIGN_IN_FAILED.value
        )
        self._rows = row[0]

    async def failed(self, change: AuditedTransaction, by: Principal) -> None:
        """Record, with the transaction, that a password was wrong."""
        await self._record(change, by, Outcome.FAILED)

    def is_due(self, account: bytes, address: str, now: datetime) -> bool:
        """Whether a refusal now is to be recorded; then it counts as recorded."""
        # A clock that was set back makes no moment recent.
        self._recorded = {key: at for key, at in self._recorded.items() if timedelta() <= now - at < _ONE_ROW}
        key = account, network_of(address)
        if key in self._recorded or len(self._recorded) >= _MOST_REFUSALS:
            return False
        self._recorded[key] = now
        return True

    async def refused(self, by: Principal, now: datetime) -> None:
        """Record a refusal without a password check. A fault of the file costs the row, and is logged."""
        try:
            async with audited(self._database, now) as change:
                await self._record(change, by, Outcome.REFUSED)
        except Unavailable:
            log.warning("refused sign-in not recorded", user_email=by.email, address=by.client.address)

    async def sweep(self) -> None:
        """Remove the oldest rows beyond the limit."""
        if self._rows <= _MOST_ROWS:
            return
        async with self._database.transaction() as transaction:
            await keep_failed_sign_ins(transaction, _MOST_ROWS)
        self._rows = _MOST_ROWS

    async def _record(self, change: AuditedTransaction, by: Principal, outcome: Outcome) -> None:
        await change.record(
            AuditEntry(
                action=Action.SIGN_IN_FAILED, resource=Resource.SESSION, resource_id=None, by=by, outcome=outcome
            )
        )
        self._rows += 1

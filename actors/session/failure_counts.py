"""Counts of failed sign-ins, in memory and in the table ``sign_in_failures``."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from actors.audit import AuditedTransaction
from actors.session.rows import instant
from actors.session.throttle import AccountFailures, AddressBuckets, Failures, ThrottlePolicy
from actors.sqlite import Database, Transaction

Change = Transaction | AuditedTransaction


@attrs.frozen(kw_only=True)
class CountedOn:
    """The counts of an attempt, should it fail. ``waits_for`` is the count whose wait applies.

    ``address`` is that of an unknown client; ``None`` for a known device.
    """

    waits_for: bytes
    counts: tuple[bytes, ...]
    address: str | None


class FailureCounts:
    """Counts failures by account, device and address.

    Neither a restart nor a failing disk gives new guesses. Memory comes first, so there may be counts without a row.
    ``_saved`` are those that have one, as far as this process knows, so that a row which another program has removed is
    told from one that was never written.
    """

    def __init__(self, database: Database, policy: ThrottlePolicy) -> None:
        self._database = database
        self._policy = policy
        self._failures = AccountFailures(policy)
        self._addresses = AddressBuckets(policy)
        self._saved: set[bytes] = set()

    async def load(self) -> None:
        """Read the counts of the last process; the smallest of those beyond the memory limit are removed."""
        most = self._policy.most_accounts
        [row] = await self._database.rows("SELECT count(*) FROM sign_in_failures")
        if row[0] > most:
            async with self._database.transaction() as transaction:
                await transaction.rows(
                    "DELETE FROM sign_in_failures WHERE account IN (SELECT account FROM sign_in_failures "
                    "ORDER BY failures DESC, last_failed_at DESC LIMIT -1 OFFSET ?)",
                    most,
                )
        for row in await self._database.rows("SELECT * FROM sign_in_failures"):
            failures = Failures(count=row["failures"], last_at=instant(row["last_failed_at"]))
            self._failures.remember(row["account"], failures)
            self._saved.add(row["account"])

    def seconds_to_wait(self, attempt: CountedOn, now: datetime) -> float:
        """Seconds until such an attempt is allowed; 0 when it is now."""
        wait = self._failures.seconds_to_wait(attempt.waits_for, now)
        return wait if attempt.address is None else max(wait, self._addresses.seconds_to_wait(attempt.address, now))

    def is_stopped(self, count: bytes, now: datetime) -> bool:
        """Whether this count has reached the maximum of failures."""
        return self._failures.is_stopped(count, now)

    def failed(self, attempt: CountedOn, now: datetime) -> Mapping[bytes, Failures]:
        """Count a failure in memory. The result is to be written, and then passed to ``keep``."""
        if attempt.address is not None:
            self._addresses.failed(attempt.address, now)
        return {count: self._failures.failed(count, now) for count in attempt.counts}

    async def write(self, change: Change, failures: Mapping[bytes, Failures]) -> None:
        await change.many(
            "INSERT INTO sign_in_failures (account, failures, last_failed_at) VALUES (?, ?, ?) "
            "ON CONFLICT (account) DO UPDATE SET "
            "failures = excluded.failures, last_failed_at = excluded.last_failed_at",
            [(count, each.count, int(each.last_at.timestamp())) for count, each in failures.items()],
        )

    def keep(self, counts: Iterable[bytes]) -> None:
        """Mark counts as stored, directly after the commit."""
        self._saved.update(counts)

    async def delete(self, change: Change, counts: Iterable[bytes]) -> None:
        await change.many("DELETE FROM sign_in_failures WHERE account = ?", [(count,) for count in counts])

    def forget(self, counts: Iterable[bytes]) -> None:
        """Reset counts, directly after the commit."""
        for count in counts:
            self._failures.succeeded(count)
            self._saved.discard(count)

    async def sweep(self, now: datetime) -> None:
        """Remove old counts, and counts beyond the memory limit, from the table."""
        self._failures.outdated(now)
        if self._saved <= self._failures.remembered:
            return
        async with self._database.transaction() as transaction:
            gone = self._saved - self._failures.remembered
            await self.delete(transaction, gone)
        self._saved -= gone

    async def follow(self) -> None:
        """Reset the counts that another program has removed from the table."""
        rows = await self._database.rows("SELECT account FROM sign_in_failures")
        self.forget(self._saved - {row["account"] for row in rows})

"""Throttle against password guessing. Pure bookkeeping: the caller passes the time and stores the counts.

Two measures: consecutive failures for each account (NIST SP 800-63B-4, 3.2.2; OWASP Authentication Cheat Sheet: count
by account, wait longer each time), and a token bucket for each address, against one guess at many accounts. A browser
that is known to have signed in to the account before (``devices``) is counted by itself instead.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import KeysView
from datetime import datetime, timedelta

import attrs


@attrs.frozen(kw_only=True)
class ThrottlePolicy:
    """The limits. NIST allows at most 100 consecutive failures before an account is closed to passwords.

    Ten free failures let a person try every password they ever had without noticing this; from the eleventh on the wait
    after each doubles from one second to ``longest_wait``. A count is forgotten ``memory`` after the last failure,
    which is also the length of the lock after ``most_failures``.
    """

    free_failures: int = 10
    longest_wait: timedelta = timedelta(minutes=15)
    most_failures: int = 100
    memory: timedelta = timedelta(days=1)
    burst: int = 60  # failures from one address at once
    failures_per_second: float = 0.5  # from one address, in the long run
    most_accounts: int = 10_000  # remembered
    most_addresses: int = 10_000

    def wait_after(self, failures: int) -> timedelta:
        """The wait after this number of consecutive failures."""
        if failures <= self.free_failures:
            return timedelta()
        if failures >= self.most_failures:
            return self.memory
        doublings = min(failures - self.free_failures - 1, 20)  # 2**20 s is far over any wait
        return min(timedelta(seconds=2**doublings), self.longest_wait)


@attrs.frozen(kw_only=True)
class Failures:
    """Consecutive failures of one account, which need not exist, or of one device."""

    count: int
    last_at: datetime


class AccountFailures:
    """Consecutive failures by account or device, in bounded memory.

    When it is full, the accounts with the fewest failures are forgotten first, so that a flood of made-up accounts does
    not wash out the count of one that is under attack.
    """

    def __init__(self, policy: ThrottlePolicy) -> None:
        self._policy = policy
        self._by_account: dict[bytes, Failures] = {}

    def __len__(self) -> int:
        return len(self._by_account)

    def seconds_to_wait(self, account: bytes, now: datetime) -> float:
        """Seconds until this account may be tried again; 0 when it may be now."""
        known = self._by_account.get(account)
        if known is None:
            return 0.0
        if known.last_at > now:  # the clock was set back: the wait begins now, and ends
            known = attrs.evolve(known, last_at=now)
            self._by_account[account] = known
        return max((known.last_at + self._policy.wait_after(known.count) - now).total_seconds(), 0.0)

    def failed(self, account: bytes, now: datetime) -> Failures:
        """Count a failure; returns the new count, to be stored."""
        known = self._by_account.get(account)
        fresh = known is None or now - known.last_at >= self._policy.memory
        failures = Failures(count=1 if known is None or fresh else known.count + 1, last_at=now)
        self.remember(account, failures)
        return failures

    def remember(self, account: bytes, failures: Failures) -> None:
        """Set a count, also a stored one."""
        if account not in self._by_account and len(self._by_account) >= self._policy.most_accounts:
            self._forget_the_least()
        self._by_account[account] = failures

    def succeeded(self, account: bytes) -> bool:
        """Forget the failures of this account; returns whether there were any."""
        return self._by_account.pop(account, None) is not None

    def is_stopped(self, account: bytes, now: datetime) -> bool:
        """Whether the account has so many failures that it is locked as long as failures are remembered."""
        known = self._by_account.get(account)
        stopped = known is not None and known.count >= self._policy.most_failures
        return stopped and self.seconds_to_wait(account, now) > 0

    @property
    def remembered(self) -> KeysView[bytes]:
        return self._by_account.keys()

    def outdated(self, now: datetime) -> list[bytes]:
        """Forget the accounts whose last failure is too long ago to count; returns them."""
        limit = now - self._policy.memory
        outdated = [account for account, failures in self._by_account.items() if failures.last_at <= limit]
        for account in outdated:
            del self._by_account[account]
        return outdated

    def _forget_the_least(self) -> None:
        by_weight = sorted(self._by_account.items(), key=lambda item: (item[1].count, item[1].last_at))
        for account, _ in by_weight[: max(len(by_weight) // 10, 1)]:
            del self._by_account[account]


class AddressBuckets:
    """Token buckets of failures by address, in bounded memory; the one that failed longest ago is forgotten first.

    An IPv6 customer has a /64 network to choose addresses from, so such a network counts as one address. Failures that
    were in work together may overdraw a bucket; the debt is paid off like any other.
    """

    def __init__(self, policy: ThrottlePolicy) -> None:
        self._policy = policy
        self._by_address: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_address)

    def seconds_to_wait(self, address: str, now: datetime) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        network = network_of(address)
        tokens = self._tokens(network, now)
        if network in self._by_address and self._by_address[network][1] > now:  # the clock was set back
            self._by_address[network] = (tokens, now)
        missing = 1 - tokens
        return max(missing / self._policy.failures_per_second, 0.0)

    def failed(self, address: str, now: datetime) -> None:
        network = network_of(address)
        self._by_address[network] = (self._tokens(network, now) - 1, now)
        self._by_address.move_to_end(network)
        if len(self._by_address) > self._policy.most_addresses:
            self._by_address.popitem(last=False)

    def _tokens(self, network: str, now: datetime) -> float:
        tokens, at = self._by_address.get(network, (float(self._policy.burst), now))
        gained = max((now - at).total_seconds(), 0.0) * self._policy.failures_per_second
        return min(tokens + gained, self._policy.burst)


def network_of(address: str) -> str:
    """The /64 of an IPv6 address; any other text as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a Unix socket, or a name that a proxy gave
    return str(ipaddress.ip_network((int(parsed), 64), strict=False)) if parsed.version == 6 else address  # noqa: PLR2004 - IPv6

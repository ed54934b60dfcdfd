"""The audit trail of failed and refused sign-ins, and its bounds."""

from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors import sqlite
from actors.errors import Throttled, Unauthenticated
from actors.session import sign_in_trail
from actors.session.throttle import ThrottlePolicy
from tests.actors.session.conftest import Accounts, Start
from tests.actors.stage import HandClock, locked, rows

pytestmark = [pytest.mark.integration, pytest.mark.security]

CLOSED_AT_ONCE = ThrottlePolicy(free_failures=0, most_failures=1)
TRAIL = "SELECT user_email, user_id, address, outcome FROM audit_trail WHERE action = 'auth_sign_in_failed' ORDER BY id"


def outcomes(path: Path) -> Counter[str]:
    return Counter(outcome for _, _, _, outcome in rows(path, TRAIL))


async def refused(accounts: Accounts, email: str, address: str = "192.0.2.1") -> None:
    while not isinstance(await accounts.failure(email, address), Throttled):
        pass


async def test_a_refusal_is_a_row_of_its_own(accounts: Accounts, path: Path) -> None:
    user = (await accounts.first()).session.user
    await refused(accounts, user.email)
    await refused(accounts, "ghost@example.com", "192.0.2.2")
    found = rows(path, TRAIL)
    assert found[11] == (user.email, user.id, "192.0.2.1", "refused")
    assert found[-1] == ("ghost@example.com", "unknown", "192.0.2.2", "refused")
    assert outcomes(path) == {"failed": 22, "refused": 2}


async def test_one_account_from_one_address_is_refused_once_a_minute(
    start: Start, path: Path, clock: HandClock
) -> None:
    async with start(policy=CLOSED_AT_ONCE) as accounts:
        for _ in range(30):
            await accounts.failure()
            await accounts.failure(address="192.0.2.2")
        assert outcomes(path) == {"failed": 1, "refused": 2}
        clock.move(seconds=59)
        await accounts.failure()
        assert outcomes(path)["refused"] == 2
        clock.move(seconds=1)
        await accounts.failure()
    assert outcomes(path)["refused"] == 3


async def test_a_network_of_ipv6_is_one_address(start: Start, path: Path) -> None:
    async with start(policy=CLOSED_AT_ONCE) as accounts:
        for number in range(20):
            await accounts.failure(address=f"2001:db8::{number:x}")
    assert outcomes(path) == {"failed": 1, "refused": 1}


async def test_a_flood_from_everywhere_is_sixty_rows_a_minute(start: Start, path: Path, clock: HandClock) -> None:
    async with start(policy=CLOSED_AT_ONCE) as accounts:
        for minute in range(1, 3):
            for number in range(100):
                await accounts.failure(address=f"198.51.100.{number}")
            assert outcomes(path) == {"failed": 1, "refused": 60 * minute}
            clock.move(minutes=1)


async def test_a_clock_that_is_set_back_does_not_end_the_record(start: Start, path: Path, clock: HandClock) -> None:
    async with start(policy=CLOSED_AT_ONCE) as accounts:
        for _ in range(2):
            await accounts.failure()
        clock.move(days=-1)
        await accounts.failure()
    assert outcomes(path)["refused"] == 2


async def test_the_trail_keeps_the_latest_of_them(
    start: Start, path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_trail, "_MOST_ROWS", 10)
    async with start() as accounts:
        await accounts.first()
        for number in range(12):
            await accounts.failure(f"ghost{number}@example.com")
        await accounts.sign_in()
    assert [email for email, *_ in rows(path, TRAIL)] == [f"ghost{number}@example.com" for number in range(2, 12)]
    async with start() as accounts:
        await accounts.failure("ghost12@example.com")
    assert [email for email, *_ in rows(path, TRAIL)] == [f"ghost{number}@example.com" for number in range(3, 13)]
    assert rows(path, "SELECT count(*) FROM audit_trail WHERE action = 'auth_sign_in'") == [(2,)]
    assert rows(path, "SELECT count(*) FROM audit_trail WHERE action = 'create'") == [(1,)]


async def test_made_up_accounts_do_not_fill_the_table_of_counts(start: Start, path: Path) -> None:
    counts = "SELECT count(*), max(failures) FROM sign_in_failures"
    async with start(policy=ThrottlePolicy(most_accounts=10)) as accounts:
        await refused(accounts, "ann@example.com")
        for number in range(30):
            await accounts.failure(f"ghost{number}@example.com", f"198.51.100.{number}")
    [(left, most)] = rows(path, counts)
    assert (left <= 10, most) == (True, 11)
    rows(
        path,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) "
        "INSERT INTO sign_in_failures SELECT randomblob(32), 1, last_failed_at FROM "
        "(SELECT max(last_failed_at) AS last_failed_at FROM sign_in_failures), n",
    )
    async with start(policy=ThrottlePolicy(most_accounts=10)) as accounts:
        assert rows(path, counts) == [(10, 11)]
        assert isinstance(await accounts.failure(), Throttled)


@pytest.mark.error_recovery
async def test_a_locked_file_costs_the_row_and_not_the_refusal(
    start: Start, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WRITE_TIMEOUT", 0.05)
    with capture_logs() as lines:
        async with start(policy=CLOSED_AT_ONCE) as accounts:
            assert isinstance(await accounts.failure(), Unauthenticated)
            with locked(path):
                assert isinstance(await accounts.failure(), Throttled)
    assert "refused sign-in not recorded" in [line["event"] for line in lines]
    assert outcomes(path) == {"failed": 1}

"""Locks of accounts: their end, and unlocking by an admin and by another program."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from actors.audit import audited
from actors.clock import Clock
from actors.errors import Throttled, Unauthenticated
from actors.principal import UNKNOWN_CLIENT
from actors.session import actor
from actors.session.accounts import Accounts
from actors.session.cookies import CookieSeal
from actors.session.lifetime import SessionLifetime
from actors.session.messages import Browser, SignIn
from actors.session.throttle import ThrottlePolicy
from actors.sqlite import Database
from tests.actors.session.conftest import COOKIE_KEY, PASSWORD, SECRET, Start
from tests.actors.stage import HandClock, rows

pytestmark = [pytest.mark.integration, pytest.mark.security]

ANN = "ann@example.com"


class Opened:
    """The accounts without an actor, as a command has them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.accounts = Accounts(
            database,
            seal=CookieSeal(COOKIE_KEY, SECRET),
            session_secret=SECRET,
            lifetime=SessionLifetime(),
            policy=ThrottlePolicy(),
            clock=clock,
        )

    async def fail(self, times: int, browser: Browser) -> None:
        for _ in range(times):
            with pytest.raises(Unauthenticated):
                await self.try_(browser)

    async def try_(self, browser: Browser, password: str = "wrong password") -> None:
        request = SignIn(email=ANN, password=password, client=UNKNOWN_CLIENT, browser=browser)
        await self.accounts.sign_ins.sign_in(request)

    async def unlock(self, email: str = ANN) -> None:
        async with audited(self._database, self._clock()) as change:
            await self.accounts.sign_ins.unlock(change, email)
        self.accounts.sign_ins.unlocked(email)


@asynccontextmanager
async def opened(path: Path, clock: Clock) -> AsyncIterator[Opened]:
    database = await Accounts.open_database(path)
    made = Opened(database, clock)
    try:
        yield made
    finally:
        await made.accounts.close()


async def test_a_lock_has_an_end_and_can_be_lifted(path: Path, clock: HandClock) -> None:
    async with opened(path, clock) as command:
        await command.accounts.load()
        sign_ins = command.accounts.sign_ins
        signed_in = await command.accounts.users.create_first(ANN, PASSWORD, UNKNOWN_CLIENT)
        assert sign_ins.locked_until(ANN) is None
        await command.fail(11, Browser())
        assert sign_ins.locked_until(ANN) == clock() + timedelta(seconds=1)
        await command.unlock("bob@example.com")
        assert sign_ins.locked_until(ANN) is not None
        await command.unlock()
        assert sign_ins.locked_until(ANN) is None
        assert rows(path, "SELECT * FROM sign_in_failures") == []
        await command.fail(11, Browser())
        clock.move(seconds=1)
        assert sign_ins.locked_until(ANN) is None
        assert signed_in.session.user.email == ANN


async def test_lifting_the_lock_makes_devices_known_again(path: Path, clock: HandClock) -> None:
    async with opened(path, clock) as command:
        await command.accounts.load()
        await command.accounts.users.create_first(ANN, PASSWORD, UNKNOWN_CLIENT)
        cookies = [command.accounts.sign_ins.device_cookie(ANN, Browser()) for _ in range(11)]
        for cookie in cookies[:10]:
            await command.fail(10, Browser(devices=(cookie,)))
        fresh = Browser(devices=(cookies[10],))
        await command.fail(11, fresh)  # as a stranger, until the account is closed
        with pytest.raises(Throttled):
            await command.try_(fresh, PASSWORD)
        await command.unlock()
        await command.fail(11, Browser())
        await command.try_(fresh, PASSWORD)


async def test_another_program_lifts_a_lock(
    start: Start, path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "_GLANCE", 0.001)
    async with start() as accounts:
        await accounts.first()
        while not isinstance(await accounts.failure(), Throttled):
            pass
        async with opened(path, clock) as command:
            await command.unlock()
        while isinstance(failure := await accounts.failure(), Throttled):
            pass
        assert isinstance(failure, Unauthenticated)
        assert (await accounts.sign_in()).cookie

"""A SessionActor on a real file with the key registry that it asks, and a clock to move."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from actors.errors import StudioError
from actors.key_registry.actor import KeyRegistryActor
from actors.principal import Client
from actors.session.actor import SessionActor
from actors.session.messages import (
    NEW_BROWSER,
    Browser,
    CheckedSession,
    CheckSession,
    CreateFirstUser,
    CreateUser,
    Session,
    SignedIn,
    SignIn,
    User,
)
from tests.actors.stage import QUICK, HandClock, Stage, staged

PASSWORD = "password123"
COOKIE_KEY = bytes(range(32))
SECRET = "session secret"


class Accounts(Stage):
    """A running SessionActor, and what tests ask it for most."""

    def __init__(self, stage: Stage) -> None:
        self.bus = stage.bus
        self.events = stage.events

    async def first(self, email: str = "ann@example.com") -> SignedIn:
        return await self.bus.ask(CreateFirstUser(email=email, password=PASSWORD))

    async def create(self, email: str, by: Session) -> User:
        return await self.bus.ask(CreateUser(email=email, password=PASSWORD, by=by.principal))

    async def sign_in(
        self,
        email: str = "ann@example.com",
        password: str = PASSWORD,
        address: str = "192.0.2.1",
        browser: Browser = NEW_BROWSER,
    ) -> SignedIn:
        client = Client(address=address)
        return await self.bus.ask(SignIn(email=email, password=password, client=client, browser=browser))

    async def failure(
        self, email: str = "ann@example.com", address: str = "192.0.2.1", browser: Browser = NEW_BROWSER
    ) -> StudioError:
        """The error of a sign-in with a wrong password."""
        with pytest.raises(StudioError) as failed:
            await self.sign_in(email, "wrong password", address, browser)
        return failed.value

    async def check(self, cookie: str) -> CheckedSession | None:
        return await self.bus.ask(CheckSession(cookie=cookie))


Start: TypeAlias = Callable[..., AbstractAsyncContextManager[Accounts]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "junjo.db"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def start(path: Path, clock: HandClock) -> Start:
    """Run the actors for the length of a block, over the same file each time."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Accounts]:
        given: dict[str, Any] = {
            "cookie_key": COOKIE_KEY,
            "session_secret": SECRET,
            "clock": clock,
            "hasher": QUICK,
            **settings,
        }
        async with staged(
            (KeyRegistryActor, lambda bus: KeyRegistryActor.running(bus, path)),
            (SessionActor, lambda bus: SessionActor.running(bus, path, **given)),
        ) as stage:
            yield Accounts(stage)

    return start


@pytest.fixture
async def accounts(start: Start) -> AsyncIterator[Accounts]:
    async with start() as running:
        yield running

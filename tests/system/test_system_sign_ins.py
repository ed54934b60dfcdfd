"""An attacker and innocent people side by side, through the nginx of docs/operations.md."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.actors.stage import rows
from tests.proxies import BEHIND_IT, STUDIO, Certificate, Here, make_certificate, program, proxy
from tests.studio_process import studio_process

pytestmark = [pytest.mark.integration, pytest.mark.security]

ANN = {"email": "ann@example.com", "password": "a password for tests"}
BOB = {"email": "bob@example.com", "password": "another one for tests"}
# Addresses of this machine, as the network has it: whoever connects may say which of them is theirs.
OFFICE, ATTACKER, SECOND_ATTACKER = "127.0.0.11", "127.0.0.66", "127.0.0.67"
WRONG = {"email": ANN["email"], "password": "a wrong password"}


class Town:
    """The studio behind its proxy, and browsers at several addresses."""

    def __init__(self, port: int, certificate: Certificate, stack: AsyncExitStack, accounts: Path) -> None:
        self._url = f"https://{STUDIO}:{port}"
        self._certificate = certificate
        self._stack = stack
        self.accounts = accounts

    async def browser(self, address: str) -> "Browser":
        trust = ssl.create_default_context(cafile=str(self._certificate.file))
        connector = aiohttp.TCPConnector(ssl=trust, resolver=Here(), local_addr=(address, 0))
        return Browser(await self._stack.enter_async_context(aiohttp.ClientSession(self._url, connector=connector)))


class Browser:
    """Keeps its cookies and sends them where they belong."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def post(self, path: str, body: Any) -> int:
        status, _ = await self._asked(path, body)
        return status

    async def _asked(self, path: str, body: Any) -> tuple[int, int]:
        """Status, and for how many seconds one is to wait."""
        async with self._client.post(path, json=body) as answer:
            await answer.read()
            return answer.status, int(answer.headers.get("Retry-After", 0))

    async def sign_in(self, body: Any) -> int:
        return await self.post("/sign-in", body)

    async def sign_out(self) -> None:
        assert await self.post("/sign-out", {}) == 200

    async def attack(self) -> None:
        """Until the account is closed for some seconds: longer than what comes then takes."""
        while await self._asked("/sign-in", WRONG) < (429, 4):
            pass

    async def use_up_the_address(self) -> None:
        """One password for many accounts that need not exist."""
        number = 0
        while await self.sign_in({"email": f"ghost{number}@example.com", "password": "a wrong password"}) != 429:
            number += 1
        assert number > 40

    async def forget_sessions(self) -> list[str]:
        """As when the session has run out; the names of the cookies that are left."""
        self._client.cookie_jar.clear(lambda cookie: cookie.key == "session")
        return [cookie.key for cookie in self._client.cookie_jar]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    program("nginx")
    certificate = make_certificate(tmp_path)
    async with (
        studio_process(tmp_path / "data", **BEHIND_IT) as studio,
        AsyncExitStack() as stack,
    ):
        port = stack.enter_context(proxy("nginx", studio, certificate, tmp_path))
        yield Town(port, certificate, stack, tmp_path / "data" / "sqlite" / "junjo.db")


async def test_an_attacker_locks_out_neither_an_office_nor_who_is_known(town: Town) -> None:
    ann, bob = await town.browser(OFFICE), await town.browser(OFFICE)
    attacker = await town.browser(ATTACKER)
    assert await ann.post("/users/create-first-user", ANN) == 200
    assert await ann.post("/users", BOB) == 200

    await attacker.use_up_the_address()
    assert await bob.sign_in(BOB) == 200  # from another address, though all come through one proxy

    await (await town.browser(SECOND_ATTACKER)).attack()
    assert await ann.forget_sessions() == ["junjo_device"]
    assert await ann.sign_in(ANN) == 200  # her account is closed to strangers, and she is none
    stranger = await town.browser(OFFICE)
    assert await stranger.sign_in(ANN) == 429

    addresses = rows(town.accounts, "SELECT DISTINCT address FROM audit_trail WHERE outcome <> 'ok'")
    assert set(addresses) == {(ATTACKER,), (SECOND_ATTACKER,), (OFFICE,)}


async def test_an_attacker_in_the_office_does_not_lock_out_who_is_known(town: Town) -> None:
    ann, attacker = await town.browser(OFFICE), await town.browser(OFFICE)
    assert await ann.post("/users/create-first-user", ANN) == 200
    await attacker.attack()
    await attacker.use_up_the_address()
    await ann.sign_out()
    assert await ann.sign_in(ANN) == 200
    stranger = await town.browser(OFFICE)
    assert await stranger.sign_in(ANN) == 429

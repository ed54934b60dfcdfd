"""Password hashes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Literal

import argon2
import bcrypt
import pytest

from actors.errors import Overloaded
from actors.session.passwords import _NOBODYS, PasswordHashes, is_bcrypt

pytestmark = pytest.mark.unit

CHEAP = argon2.PasswordHasher(memory_cost=64, time_cost=1, parallelism=1)


class CountingHasher(argon2.PasswordHasher):
    """Remembers against which hashes it compared."""

    compared: list[str | bytes]

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the name is the library's
        self.compared.append(hash)
        return super().verify(hash, password)


class WaitingHasher(argon2.PasswordHasher):
    """Hashes when it is told to."""

    go: threading.Event

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.go.wait()
        return super().hash(password, salt=salt)


@pytest.fixture
async def passwords() -> AsyncIterator[PasswordHashes]:
    hashes = PasswordHashes()
    await hashes.prepare()
    yield hashes
    hashes.close()


async def test_the_parameters_are_owasps(passwords: PasswordHashes) -> None:
    assert (await passwords.hash("password123")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_what_unknown_users_are_compared_with_was_made_with_them_too(passwords: PasswordHashes) -> None:
    assert not passwords.outdated(_NOBODYS)


@pytest.mark.parametrize("password", ["12345678", "pässwörd 🎏", "x" * 1024, "\ud800 half a pair", "nul\0inside"])
async def test_the_right_password_and_no_other(passwords: PasswordHashes, password: str) -> None:
    stored = await passwords.hash(password)
    assert await passwords.verify(stored, password)
    assert not await passwords.verify(stored, password[:-1])
    assert not await passwords.verify(stored, password + "x")
    assert not await passwords.verify(stored, "")


async def test_equal_passwords_have_different_hashes(passwords: PasswordHashes) -> None:
    assert await passwords.hash("password123") != await passwords.hash("password123")


@pytest.mark.security
async def test_what_was_cut_off_does_not_count(passwords: PasswordHashes) -> None:
    stored = await passwords.hash("x" * 1024)
    assert not await passwords.verify(stored, "x" * 1025)


@pytest.mark.security
async def test_a_wrong_password_costs_one_comparison_of_the_same_kind_in_every_case() -> None:
    hasher = CountingHasher(memory_cost=64, time_cost=1, parallelism=1)
    hasher.compared = []
    passwords = PasswordHashes(hasher)
    await passwords.prepare()
    stored = await passwords.hash("password123")
    assert not await passwords.verify(stored, "wrong")
    assert not await passwords.verify(None, "password123")
    assert not await passwords.verify(stored, "x" * 5000)
    passwords.close()
    parameters = [argon2.extract_parameters(str(each)) for each in hasher.compared]
    assert len(parameters) == 3
    assert parameters[0] == parameters[1] == parameters[2]


async def test_a_hash_of_other_parameters_is_outdated_but_right(passwords: PasswordHashes) -> None:
    old = CHEAP.hash("password123")
    assert passwords.outdated(old)
    assert await passwords.verify(old, "password123")
    assert not passwords.outdated(await passwords.hash("password123"))


async def test_a_hash_that_is_none_is_wrong(passwords: PasswordHashes) -> None:
    assert not await passwords.verify("", "password123")
    assert not await passwords.verify("$2b$12$bcrypt", "password123")


@pytest.mark.concurrency
async def test_too_many_at_once_are_turned_away_and_room_comes_back() -> None:
    hasher = WaitingHasher(memory_cost=64, time_cost=1, parallelism=1)
    hasher.go = threading.Event()
    passwords = PasswordHashes(hasher)
    held = [asyncio.create_task(passwords.hash("password123")) for _ in range(128)]
    await asyncio.wait(held, timeout=0)
    with pytest.raises(Overloaded):
        await passwords.hash("one too many")
    held.pop().cancel()
    hasher.go.set()
    await asyncio.wait(held)
    assert (await passwords.hash("password123")).startswith("$argon2id$")
    passwords.close()


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_hashes_of_before_are_verified_and_outdated(passwords: PasswordHashes, prefix: bytes) -> None:
    longest = "é" * 36  # 72 bytes
    stored = bcrypt.hashpw(longest.encode(), bcrypt.gensalt(4, prefix)).decode()
    assert await passwords.verify(stored, longest)
    assert not await passwords.verify(stored, longest[:-1])
    assert not await passwords.verify(stored, longest + "x")  # of which bcrypt would not see the end
    assert not await passwords.verify(stored, "\ud800\0")
    assert passwords.outdated(stored)
    assert not passwords.outdated(await passwords.hash(longest))


@pytest.mark.parametrize("stored", ["$2b$04$" + "." * 52, "$2b$31$" + "." * 53, "$2b$", ""])
async def test_a_damaged_hash_of_before_fits_no_password(passwords: PasswordHashes, stored: str) -> None:
    assert not is_bcrypt(stored)
    assert not await passwords.verify(stored, "")

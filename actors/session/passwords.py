"""Password hashes: argon2id off the event loop, a few at a time."""

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from actors.errors import Overloaded

LONGEST = 1024  # characters
_THREADS = 2  # each needs 19 MiB while it hashes
_MOST_HELD = 128  # hashes waiting or in work; at some 30 ms each, about two seconds' worth
_RETRY_AFTER = 1.0

T = TypeVar("T")


def _argon2id() -> argon2.PasswordHasher:
    """OWASP Password Storage Cheat Sheet, argon2id: m = 19456 (19 MiB), t = 2, p = 1."""
    return argon2.PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)


class PasswordHashes:
    """Makes and verifies hashes (PHC strings) in threads of its own.

    At most 128 calls wait or run; more are answered ``Overloaded``. ``close`` waits for those that run.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or _argon2id()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._room = threading.BoundedSemaphore(_MOST_HELD)
        self._nobody = ""

    async def prepare(self) -> None:
        """Make the hash that passwords of unknown users are compared with. Called once, before any other call."""
        self._nobody = await self.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """A new hash with a salt of its own."""
        return await self._off_the_loop(lambda: self._hasher.hash(_encoded(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right. Does the same work for an unknown user, whose ``stored`` is ``None``.

        A password that is longer than any account can have is wrong, after the same work.
        """
        known = stored is not None and len(password) <= LONGEST
        against = stored if stored is not None and known else self._nobody
        matches = await self._off_the_loop(lambda: self._matches(against, _encoded(password[:LONGEST])))
        return matches and known

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _matches(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise Overloaded("Too many passwords are being checked", retry_after=_RETRY_AFTER)
        future = self._threads.submit(work)
        future.add_done_callback(self._give_room_back)  # when the thread is done, even if the caller has left
        return await asyncio.wrap_future(future)

    def _give_room_back(self, _: "Future[T]") -> None:
        self._room.release()


def _encoded(password: str) -> bytes:
    """JSON may carry half of a surrogate pair, which strict UTF-8 refuses; to a password it is as good as any."""
    return password.encode("utf-8", errors="surrogatepass")

"""Password hashes: argon2id off the event loop, a few at a time."""

import asyncio
import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError

from actors.errors import Overloaded

LONGEST = 1024  # characters
_THREADS = 2  # each needs 19 MiB while it hashes
_MOST_HELD = 128  # hashes waiting or in work; at some 30 ms each, about two seconds of work
_RETRY_AFTER = 1.0
# Of accounts that were taken over. A cost of 12 is the usual one; each more doubles the 0.2 s that it takes.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72  # bcrypt looks at no more, and nobody could set a longer password

# Hash of 32 random bytes that were not kept. Making one at each start would take as long as a sign-in.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$asPW2pBV4kLxsHIp3nnQTQ$NRtHLJaRR183dYE3r5OJJ9C1KnF3xz2dVWLpfuCQW9I"

T = TypeVar("T")


def _argon2id() -> argon2.PasswordHasher:
    """The hasher with the parameters of OWASP's Password Storage Cheat Sheet: m = 19456 (19 MiB), t = 2, p = 1."""
    return argon2.PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)


class PasswordHashes:
    """Makes and verifies hashes (PHC strings) in its own threads.

    At most 128 calls wait or run; more are ``Overloaded``. ``close`` waits for those that run.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or _argon2id()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._room = threading.BoundedSemaphore(_MOST_HELD)
        self._nobody = _NOBODYS  # the hash for passwords of unknown users

    async def prepare(self) -> None:
        """Make sure that unknown users take the same work as known ones. Call it once, before any other call."""
        if self._hasher.check_needs_rehash(_NOBODYS):
            self._nobody = await self.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Make a new hash with a salt of its own."""
        return await self._off_the_loop(lambda: self._hasher.hash(_encoded(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right. An unknown user, with ``stored`` of ``None``, takes the same work.

        A password that is longer than any account can have is wrong, after the same work.
        """
        known = stored is not None and len(password) <= LONGEST
        against = stored if stored is not None and known else self._nobody
        matches = await self._off_the_loop(lambda: self._matches(against, _encoded(password[:LONGEST])))
        return matches and known

    def outdated(self, stored: str) -> bool:
        """Whether the hash has another algorithm or other parameters than new ones."""
        return is_bcrypt(stored) or self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _matches(self, stored: str, password: bytes) -> bool:
        if is_bcrypt(stored):
            return _matches_bcrypt(stored, password)
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


def is_bcrypt(stored: str) -> bool:
    """Whether it is the hash of an account that was taken over; see ``AdoptUser``."""
    return _BCRYPT.fullmatch(stored) is not None


def _matches_bcrypt(stored: str, password: bytes) -> bool:
    try:
        return len(password) <= _BCRYPT_BYTES and bcrypt.checkpw(password, stored.encode())
    except ValueError:  # some salts decode to nothing
        return False


def _encoded(password: str) -> bytes:
    """Encode a password in UTF-8. JSON may carry half of a surrogate pair, which strict UTF-8 refuses."""
    return password.encode("utf-8", errors="surrogatepass")

"""Sessions and API keys that have ended."""

import asyncio
from collections import OrderedDict, defaultdict

from actors.errors import Unauthenticated
from actors.principal import Principal

_MOST_REMEMBERED = 4096


class SignOuts:
    """Notifies waiters of the end of a session or key, and refuses requests that come directly after it."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, None] = OrderedDict()  # the latest
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def add(self, credential: str) -> None:
        """Record that a credential has ended: a session, by its id, or a key, by the user id of its principal."""
        self._ended[credential] = None
        while len(self._ended) > _MOST_REMEMBERED:
            self._ended.popitem(last=False)
        for waiting in self._waiting.get(credential, ()):
            waiting.set()

    def has_ended(self, by: Principal) -> bool:
        return _credential(by) in self._ended

    def check(self, by: Principal) -> None:
        """Raise ``Unauthenticated`` when the session or key has just ended."""
        if self.has_ended(by):
            raise Unauthenticated("Unauthorized: No valid session")

    async def wait(self, by: Principal) -> None:
        """Wait for the end of this principal's session or key."""
        ended = asyncio.Event()
        waiting = self._waiting[_credential(by)]
        waiting.add(ended)
        try:
            if not self.has_ended(by):
                await ended.wait()
        finally:
            waiting.discard(ended)
            if not waiting:
                self._waiting.pop(_credential(by), None)


def _credential(by: Principal) -> str:
    return by.session_id or by.user_id

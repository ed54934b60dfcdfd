"""Deliveries: messages are sent until they are taken, each alert's in their order."""

import asyncio
import random
from contextlib import suppress

import structlog

from actors.alerts.outbox import Letter, Outbox
from actors.alerts.webhook import MOST_AT_ONCE, Outcome, Webhooks
from actors.errors import StudioError

log = structlog.get_logger(__name__)

_FIRST_WAIT = 10.0  # seconds; doubled for each attempt
_LONGEST_WAIT = 3600.0
_MOST_ATTEMPTS = 20  # within ten hours, or so
_DISK_WAIT = 5.0  # seconds until the file is tried again


class Deliveries:
    """Sends what is in the outbox.

    Waits are counted from this start on by a clock that nobody can set, so after a restart everything is tried at once.
    A message may arrive twice: when the studio ends between its being taken and that being written down.
    """

    def __init__(self, outbox: Outbox, webhooks: Webhooks, *, first_wait: float = _FIRST_WAIT) -> None:
        self._outbox = outbox
        self._webhooks = webhooks
        self._first_wait = first_wait
        self._woken = asyncio.Event()
        self._at_work: set[str] = set()  # alerts
        self._due: dict[str, float] = {}  # loop times, by alert, where the latest attempt failed
        self.sent = 0
        self.not_sent = 0

    def wake(self, changed: str = "") -> None:
        """Look into the outbox. What waits of an alert that was ``changed`` is tried at once."""
        self._due.pop(changed, None)
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                wait = await self._begin(tasks)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()

    async def _begin(self, tasks: asyncio.TaskGroup) -> float | None:
        """Begin to send what is due; seconds until more is, ``None`` when nothing is waited for."""
        try:
            letters = await self._outbox.letters()
        except StudioError as fault:
            log.warning("webhooks not called", fault=fault.detail)
            return _DISK_WAIT
        now = asyncio.get_running_loop().time()
        self._due = {each.alert_id: self._due[each.alert_id] for each in letters if each.alert_id in self._due}
        waits = []
        for letter in letters:
            wait = self._due.get(letter.alert_id, now) - now
            if wait > 0:
                waits.append(wait)
            elif letter.alert_id not in self._at_work and len(self._at_work) < MOST_AT_ONCE:
                self._at_work.add(letter.alert_id)
                tasks.create_task(self._send(letter))
        return min(waits, default=None)

    async def _send(self, letter: Letter) -> None:
        try:
            await self._note(letter, await self._outcome(letter))
        except StudioError as fault:  # of the file: it is sent once more
            log.warning("call of a webhook not written down", alert=letter.alert_id, fault=fault.detail)
            self._due[letter.alert_id] = asyncio.get_running_loop().time() + _DISK_WAIT
        finally:
            self._at_work.discard(letter.alert_id)
            self._woken.set()

    async def _outcome(self, letter: Letter) -> Outcome | None:
        """What came of the call; ``None`` where there is nothing to call any more."""
        if letter.url is None:
            return None
        if letter.secret is None:
            log.warning("webhook not called: the cookie key has changed, make the alert anew", alert=letter.alert_id)
            return None
        return await self._webhooks.call(letter.url, letter.body, letter.secret)

    async def _note(self, letter: Letter, outcome: Outcome | None) -> None:
        if outcome is None or outcome.fault is None:
            self.sent += outcome is not None
            await self._outbox.drop(letter)
            return
        self.not_sent += 1
        attempts = letter.attempts + 1
        if attempts >= _MOST_ATTEMPTS:
            log.error("webhook given up", alert=letter.alert_id, fault=outcome.fault, attempts=attempts)
            await self._outbox.drop(letter)
            return
        wait = self._wait_after(attempts, outcome.retry_after)
        self._due[letter.alert_id] = asyncio.get_running_loop().time() + wait
        log.warning("webhook not taken", alert=letter.alert_id, fault=outcome.fault, next_in_seconds=round(wait, 1))
        await self._outbox.failed(letter)

    def _wait_after(self, attempts: int, retry_after: float | None) -> float:
        """Seconds to wait: doubled each time, capped, and spread."""
        wait = min(max(self._first_wait * 2 ** (attempts - 1), retry_after or 0.0), _LONGEST_WAIT)
        return float(wait * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets

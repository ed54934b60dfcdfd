"""The runs that were started over sockets. No connection owns them: followers come, go and resume."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import structlog

from actors.errors import Conflict, InternalError, NotFound, StudioError
from actors.playground.limits import PlaygroundLimits, Shares
from actors.playground.messages import CancelReason, Failed, RunEvent
from actors.playground.prompt import Prompt
from actors.playground.provider_calls import ProviderCalls
from actors.playground.run_log import RESUME_EXPIRED, RunLog
from actors.playground.run_record import RunRecord
from actors.principal import Principal

log = structlog.get_logger(__name__)

_MOST_ENDED = 32  # finished runs of a user that are kept for a follower that resumes


class Run:
    """One run with its log, from its start until it is forgotten."""

    def __init__(self, record: RunRecord, entries: RunLog) -> None:
        self.record = record
        self.log = entries
        self.task: asyncio.Task[None] | None = None
        self._lost: asyncio.TimerHandle | None = None

    def cancel(self, reason: CancelReason) -> None:
        """End the run now, unless it is over or ending already."""
        if self.task is not None and not self.log.ended and self.record.cancelled is None:
            self.record.cancelled = reason
            self.task.cancel()

    def wait_for_follower(self, seconds: float, given_up: Callable[["Run"], None]) -> None:
        self.has_follower()
        self._lost = asyncio.get_running_loop().call_later(seconds, given_up, self)

    def has_follower(self) -> None:
        if self._lost is not None:
            self._lost.cancel()
            self._lost = None


class Runs:
    """Starts, finds, ends and forgets runs, by user and the id that the user gave them."""

    def __init__(self, calls: ProviderCalls, shares: Shares, limits: PlaygroundLimits) -> None:
        self._calls = calls
        self._shares = shares
        self._limits = limits
        self._runs: dict[tuple[str, str], Run] = {}

    def start(self, run_id: str, prompt: Prompt, by: Principal) -> None:
        """Begin a run. Raises ``Conflict`` and ``Throttled``."""
        key = (by.user_id, run_id)
        known = self._runs.get(key)
        if known is not None and not known.log.ended:
            raise Conflict("This run_id is in use")
        self._shares.take(by.user_id, prompt.size)
        if known is not None:
            self._forget(known)
        run = Run(RunRecord(prompt=prompt, by=by, run_id=run_id), RunLog(self._limits.log_bytes))
        self._runs[key] = run
        run.task = asyncio.create_task(self._go(run), name=f"run {run.record.trace_id}")
        run.task.add_done_callback(lambda _: self._over(run))
        run.wait_for_follower(self._limits.resume_seconds, self._given_up)

    async def follow(self, run_id: str, after: int, by: Principal) -> AsyncGenerator[tuple[RunEvent, ...], None]:
        """Stream the run's events behind ``after``. Raises ``NotFound``."""
        run = self._runs.get((by.user_id, run_id))
        if run is None:
            raise NotFound(RESUME_EXPIRED)
        async with aclosing(run.log.read(after)) as events:
            run.has_follower()
            try:
                async for together in events:
                    yield together
            finally:
                await events.aclose()
                if not run.log.has_reader:
                    run.wait_for_follower(self._limits.resume_seconds, self._given_up)

    def cancel(self, run_id: str, by: Principal) -> None:
        """End a run. Raises ``NotFound``."""
        run = self._runs.get((by.user_id, run_id))
        if run is None:
            raise NotFound("No such run")
        run.cancel(CancelReason.ASKED)

    def sign_out(self, ended: Callable[[Principal], bool]) -> None:
        """End the runs of principals whose session or key has ended."""
        for run in list(self._runs.values()):
            if ended(run.record.by):
                run.cancel(CancelReason.SIGNED_OUT)

    async def stop(self) -> None:
        """End all runs, and return when their connections are closed."""
        for run in self._runs.values():
            run.has_follower()
            run.cancel(CancelReason.STOPPING)
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        for run in list(self._runs.values()):
            self._forget(run)

    async def _go(self, run: Run) -> None:
        """The task of a run, where all its errors end."""
        try:
            await self._calls.stream(run.record, run.log)
        except StudioError as error:
            run.log.end(Failed(error=error))
        except Exception:
            log.exception("run failed", trace_id=run.record.trace_id)
            run.log.end(Failed(error=InternalError("Internal Server Error")))

    def _over(self, run: Run) -> None:
        user_id = run.record.by.user_id
        self._shares.give_back(user_id, run.record.prompt.size)
        if not run.log.ended:  # cancelled, perhaps before it took its first step
            run.log.end(run.record.cancel())
        run.record.forget_texts()
        if run.record.cancelled is CancelReason.LOST:
            self._forget(run)
        ended = [kept for kept in self._runs.values() if kept.log.ended and kept.record.by.user_id == user_id]
        for old in ended[:-_MOST_ENDED]:
            self._forget(old)

    def _given_up(self, run: Run) -> None:
        if run.log.ended:
            self._forget(run)
        else:
            run.cancel(CancelReason.LOST)

    def _forget(self, run: Run) -> None:
        run.has_follower()
        key = (run.record.by.user_id, run.record.run_id or "")
        if self._runs.get(key) is run:
            del self._runs[key]

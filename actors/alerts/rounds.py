"""Rounds: all alerts are checked, one question after the other, so that they take little from those who read."""

import asyncio
from collections.abc import Mapping

import structlog

from actors.alerts.checks import Check, Question, Watched, by_question, check_of
from actors.alerts.messages import Comparison
from actors.alerts.steps import ClockSteps
from actors.alerts.store import AlertStore, nanoseconds
from actors.errors import StudioError
from actors.runtime.actor import ActorBus
from actors.scores.messages import ReplaceScores
from actors.span_store.asked.stats import GetStats, Measures
from actors.span_store.messages import GetTrustedTime
from actors.span_store.query.expression import Expression, Score, leaves
from actors.span_store.query.language.filter_text import FilterFault, expression_of

log = structlog.get_logger(__name__)

_LONGEST_QUESTION = 10.0  # seconds
_QUICK = 1.0  # seconds that a question may take to be asked before those that take longer
_SHARE = 0.75  # of the time between two rounds, after which no more questions are begun


class Rounds:
    """Checks the alerts.

    Where there is no time for all, the quick questions come first and the others take turns: nobody's alerts wait for
    those of somebody who asks what takes long.
    """

    def __init__(self, bus: ActorBus, store: AlertStore, steps: ClockSteps, interval: float) -> None:
        self._bus = bus
        self._store = store
        self._steps = steps
        self._most_seconds = interval * _SHARE
        self._took: dict[Question, float] = {}  # seconds
        self._asked: dict[Question, float] = {}  # loop times
        self.failed = 0

    async def check_all(self) -> bool:
        """Check the alerts, unless it is uncertain what time it is; whether any has changed its state."""
        await self._store.forget_webhooks_of_the_gone()
        watched = await self._store.watched()
        now = await self._bus.ask(GetTrustedTime())
        if now is None:
            return False
        self._steps.look(nanoseconds(now))
        return await self._check(by_question(watched))

    async def _check(self, asked: Mapping[Question, list[Watched]]) -> bool:
        self._took = {question: seconds for question, seconds in self._took.items() if question in asked}
        self._asked = {question: at for question, at in self._asked.items() if question in asked}
        clock = asyncio.get_running_loop().time
        begun, quiet, has_changed = clock(), list[Check](), False
        for question in sorted(asked, key=self._turn):
            checks = await self._checks(question, asked[question])
            changed = any(check.is_change for check in checks)
            if changed:
                await self._store.record(checks)
            else:
                quiet += checks  # a commit for all of them
            has_changed |= changed
            if clock() - begun >= self._most_seconds:
                break
        if quiet:
            await self._store.record(quiet)
        return has_changed

    def _turn(self, question: Question) -> tuple[bool, float]:
        return self._took.get(question, 0.0) > _QUICK, self._asked.get(question, 0.0)

    async def _checks(self, question: Question, watched: list[Watched]) -> list[Check]:
        """Check the alerts that ask the same. Those that cannot be checked stay as they are."""
        ready = [each for each in watched if self._is_ready(question, each)]
        now = await self._bus.ask(GetTrustedTime())
        if not ready or now is None:
            return []
        clock = asyncio.get_running_loop().time
        self._asked[question] = begun = clock()
        try:
            found = await self._measured(question, nanoseconds(now))
        except (StudioError, FilterFault) as fault:
            self.failed += 1
            log.warning("alerts not checked", alerts=[each.alert.id for each in ready], fault=str(fault))
            return []
        finally:
            self._took[question] = clock() - begun
        return [check_of(each, found, nanoseconds(now)) for each in ready]

    def _is_ready(self, question: Question, watched: Watched) -> bool:
        is_below = watched.alert.condition.op is Comparison.BELOW
        return self._steps.is_even(question.nanoseconds) and (
            not is_below or self._steps.was_there(question.nanoseconds)
        )

    async def _measured(self, question: Question, now: int) -> Measures:
        request = GetStats(
            of=question.of,
            where=await self._where(question.q),
            since=now - question.nanoseconds,
            until=now,
            now=now,
            limit=1,
        )
        found = await self._bus.ask(request, timeout=_LONGEST_QUESTION)
        return found.groups[0].total

    async def _where(self, q: str) -> Expression:
        """What is asked for, as of now: a filter may say relative times."""
        where = expression_of(q)
        if any(isinstance(leaf.field, Score) for leaf in leaves(where)):
            return await self._bus.ask(ReplaceScores(where=where), timeout=_LONGEST_QUESTION)
        return where

"""Alerts are checked on the latest spans: what is measured, what follows, and what a clock that jumps does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.alerts import rounds as rounds_module
from actors.alerts import store as store_module
from actors.alerts.checks import Check
from actors.alerts.messages import AlertInterval, AlertState, ChangeAlert, Comparison, Measure
from actors.alerts.rounds import Rounds
from actors.alerts.steps import ClockSteps
from actors.alerts.store import AlertStore, nanoseconds
from actors.errors import Conflict, Forbidden, NotFound, TooLarge
from actors.principal import SYSTEM
from actors.runtime.bus import Bus
from actors.runtime.supervisor import Supervisor
from actors.scores.actor import ScoresActor
from actors.scores.messages import AddScore, Source
from actors.sealing import Seal
from actors.span_store.actor import SpanStoreActor
from actors.span_store.asked.stats import Subject
from actors.span_store.messages import IngestSpans
from tests.actors.alerts.stage import ADA, ADMIN, BOB, KEY, wanted
from tests.actors.stage import HandClock
from tests.embedded_store import embedded_store
from tests.spans import span

pytestmark = pytest.mark.integration

SECOND = 1_000_000_000
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


class HandClocks(HandClock):
    """Both clocks of a machine, moved by hand. Only the wall clock can be ``set``."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1000.0

    def steady(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        self.move(seconds=seconds)

    @property
    def nano(self) -> int:
        return nanoseconds(self.now)


@attrs.frozen
class Stage:
    """Alerts over a span store, which are checked when a test says so."""

    bus: Bus
    store: AlertStore
    rounds: Rounds
    clocks: HandClocks

    async def ingest(self, *numbers: int, ago: float = 30.0, **others: Any) -> None:
        start = self.clocks.nano - int(ago * SECOND)
        given: dict[str, Any] = {"end_time_unix_nano": start + SECOND, "attributes": CALL} | others
        spans = [span(number, trace_id=number, start=start, **given) for number in numbers]
        await self.bus.ask(IngestSpans(spans=spans, size=100))

    async def add(self, name: str = "calls", **others: Any) -> str:
        return (await self.store.create(wanted(name, **others))).alert.id

    async def check(self, seconds: float = 60.0) -> None:
        self.clocks.pass_(seconds)
        await self.rounds.check_all()

    async def state(self, alert_id: str) -> tuple[AlertState, float | None]:
        alert = await self.store.get(alert_id)
        return alert.state, alert.value

    async def states(self, alert_id: str) -> list[str]:
        """The history, oldest first."""
        page = await self.store.history(alert_id, 1000, None)
        return [change.state.value for change in reversed(page.changes)]


@asynccontextmanager
async def staged_alerts(
    folder: Path, clocks: HandClocks | None = None, *, interval: float = 60.0
) -> AsyncIterator[Stage]:
    bus, clocks, accounts = Bus(), clocks or HandClocks(), folder / "junjo.db"
    supervisor = Supervisor(bus)
    supervisor.add(
        SpanStoreActor,
        lambda bus: embedded_store(
            bus, folder / "traces.duckdb", accounts=accounts, clock=clocks, steady=clocks.steady, interval=0.01
        ),
    )
    supervisor.add(ScoresActor, lambda bus: ScoresActor.running(bus, accounts, clock=clocks))
    await supervisor.start()
    store = await AlertStore.open(accounts, clocks, Seal(KEY))
    try:
        yield Stage(bus, store, Rounds(bus, store, ClockSteps(clocks.steady), interval), clocks)
    finally:
        await store.close()
        await supervisor.stop()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged_alerts(tmp_path) as stage:
        yield stage


async def test_every_measure_is_known_or_is_no_data(stage: Stage) -> None:
    alerts = {measure: await stage.add(measure=measure, threshold=0.5) for measure in Measure}
    await stage.check(0)
    nothing = {measure: await stage.state(alert) for measure, alert in alerts.items()}
    known = {Measure.COUNT, Measure.ERRORS}
    assert all(nothing[measure] == (AlertState.OK, 0.0) for measure in known)
    assert all(nothing[measure] == (AlertState.NO_DATA, None) for measure in set(Measure) - known)
    await stage.ingest(1, 2, 3)
    await stage.ingest(4, status_code=2, attributes=CALL | {"gen_ai.response.time_to_first_chunk": 0.25})
    await stage.check(0)
    found = {measure: await stage.state(alert) for measure, alert in alerts.items()}
    assert found[Measure.COUNT] == (AlertState.FIRING, 4.0)
    assert found[Measure.ERRORS] == (AlertState.FIRING, 1.0)
    assert found[Measure.ERROR_RATE] == (AlertState.OK, 0.25)
    assert found[Measure.TOKENS_INPUT] == (AlertState.FIRING, 4000.0)
    assert found[Measure.TOKENS_OUTPUT] == (AlertState.FIRING, 400.0)
    assert found[Measure.DURATION_P95][1] == pytest.approx(SECOND, rel=0.02)
    assert found[Measure.FIRST_TOKEN_P95][1] == pytest.approx(SECOND / 4, rel=0.02)
    assert found[Measure.COST_USD][1] == pytest.approx(4 * 0.0035)


async def test_a_budget_is_of_a_user_and_of_a_day(stage: Stage) -> None:
    budget: dict[str, Any] = {"measure": Measure.COST_USD, "interval": AlertInterval.DAY, "threshold": 0.01}
    ada, bob = [await stage.add(q=f"user:{user}", **budget) for user in ("ada", "bob")]
    for number, (user, hours) in enumerate([("ada", 23), ("ada", 1), ("ada", 2), ("bob", 1), ("bob", 25)], 1):
        await stage.ingest(number, ago=hours * 3600, attributes=CALL | {"user.id": user})
    await stage.check(0)
    spent = [await stage.state(alert) for alert in (ada, bob)]
    assert [state for state, _ in spent] == [AlertState.FIRING, AlertState.OK]
    assert [value for _, value in spent] == pytest.approx([3 * 0.0035, 0.0035])
    await stage.check(4 * 3600)
    assert (await stage.state(ada))[0] is AlertState.OK, "what was spent yesterday is not of today"
    await stage.check(24 * 3600)
    assert await stage.state(ada) == (AlertState.NO_DATA, None)
    assert await stage.states(ada) == ["firing", "ok", "no_data"]


@pytest.mark.parametrize(
    ("of", "q", "count"),
    [(Subject.SPANS, "", 3), (Subject.TRACES, "", 2), (Subject.CALLS, "", 2), (Subject.SPANS, "status:error", 1)],
)
async def test_calls_spans_and_traces_are_counted(stage: Stage, of: Subject, q: str, count: int) -> None:
    alert = await stage.add(of=of, q=q)
    await stage.ingest(1, 2)
    start = stage.clocks.nano - SECOND
    plain = span(3, trace_id=2, parent=2, start=start, status_code=2)
    await stage.bus.ask(IngestSpans(spans=[plain], size=100))
    await stage.check(1)
    assert (await stage.state(alert))[1] == count


async def test_scores_and_relative_times_in_filters_are_those_of_each_check(stage: Stage) -> None:
    scored = await stage.add(q="score.helpful:<0.5")
    late = await stage.add(q="start:>now-1m")
    await stage.ingest(1, 2)
    await stage.check(0)
    assert (await stage.state(scored))[1] == 0.0
    for number, value in ((1, 0.2), (2, 0.9)):
        score: dict[str, Any] = {"name": "helpful", "value": value, "source": Source.CODE, "by": SYSTEM}
        await stage.bus.ask(AddScore(trace_id=f"{number:032x}", **score))
    await stage.check(0)
    assert (await stage.state(scored))[1] == 1.0
    assert (await stage.state(late))[0] is AlertState.OK, "now is that of the machine, far from this test's"


async def test_states_and_histories_survive_a_restart(tmp_path: Path) -> None:
    clocks = HandClocks()
    async with staged_alerts(tmp_path, clocks) as stage:
        alert = await stage.add()
        await stage.ingest(1)
        await stage.check(0)
        before = await stage.store.get(alert)
        assert before.state is AlertState.FIRING
    clocks.pass_(10)
    async with staged_alerts(tmp_path, clocks) as stage:
        assert await stage.store.get(alert) == before
        await stage.check(0)
        after = await stage.store.get(alert)
        assert (after.state, after.since) == (AlertState.FIRING, before.since), "it goes on, and began when it did"
        assert await stage.states(alert) == ["firing"], "what has not changed is no change"
        await stage.check(600)
        assert await stage.states(alert) == ["firing", "ok"]


async def test_too_little_is_told_too_but_not_of_a_time_when_nothing_could_come_in(stage: Stage) -> None:
    alert = await stage.add(op=Comparison.BELOW, threshold=1.0, interval=AlertInterval.MINUTE)
    await stage.check(0)
    assert await stage.state(alert) == (AlertState.NO_DATA, None), "the studio was not there in that minute"
    await stage.check(59)
    assert (await stage.state(alert))[0] is AlertState.NO_DATA
    await stage.check(1)
    assert await stage.state(alert) == (AlertState.FIRING, 0.0)
    await stage.ingest(1)
    await stage.check(1)
    assert await stage.state(alert) == (AlertState.OK, 1.0)


@pytest.mark.parametrize("jump", [240.0, -240.0, 86_400.0, -86_400.0])
async def test_a_clock_that_jumps_changes_no_state(stage: Stage, jump: float) -> None:
    """Ahead, nothing seems to have come in; back, twice as much."""
    below = await stage.add(op=Comparison.BELOW, threshold=2.0)
    above = await stage.add(op=Comparison.ABOVE, threshold=9.0)
    await stage.ingest(1, 2, 3, 4, 5, ago=1)
    for minute in range(18):
        await stage.ingest(6 + minute, ago=1)
        stage.clocks.pass_(60)
        if minute == 6:
            stage.clocks.move(seconds=jump)
        await stage.rounds.check_all()
    assert {*await stage.states(below), *await stage.states(above)} == {"ok"}
    checked = (await stage.store.get(below)).checked_at
    assert checked is not None
    agrees = abs(jump) < 3600
    assert (abs(checked - stage.clocks.nano) < SECOND) == agrees, "it is checked again once the clock is believed"


async def test_a_change_of_the_condition_begins_anew_and_no_other_does(stage: Stage) -> None:
    alert = await stage.add()
    await stage.ingest(1)
    await stage.check(0)
    renamed = await stage.store.change(ChangeAlert(id=alert, name="renamed", threshold=0.0, by=ADA))
    assert (renamed.name, renamed.state, renamed.value) == ("renamed", AlertState.FIRING, 1.0)
    stage.clocks.pass_(5)
    changed = await stage.store.change(ChangeAlert(id=alert, threshold=3.0, by=ADMIN))
    assert (changed.state, changed.value, changed.checked_at) == (AlertState.NO_DATA, None, None)
    assert changed.since == stage.clocks.nano
    assert changed.owner.id == "ada", "an admin who changes it does not own it"
    await stage.check(0)
    assert await stage.states(alert) == ["firing", "no_data", "ok"]


async def test_a_check_of_an_earlier_condition_counts_for_nothing(stage: Stage) -> None:
    alert = await stage.add()
    await stage.ingest(1)
    [watched] = await stage.store.watched()
    await stage.store.change(ChangeAlert(id=alert, measure=Measure.ERRORS, by=ADA))
    check = Check(watched=watched, state=AlertState.FIRING, value=1.0, at=stage.clocks.nano)
    await stage.store.record([check])
    assert await stage.state(alert) == (AlertState.NO_DATA, None)
    assert await stage.states(alert) == []


async def test_members_change_their_own_and_admins_all(stage: Stage) -> None:
    alert = await stage.add()
    with pytest.raises(Forbidden):
        await stage.store.change(ChangeAlert(id=alert, name="mine", by=BOB))
    with pytest.raises(NotFound):
        await stage.store.change(ChangeAlert(id="none", name="mine", by=ADMIN))
    assert (await stage.store.change(ChangeAlert(id=alert, name="ours", by=ADMIN))).name == "ours"


async def test_alerts_and_their_histories_are_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_OF_OWNER", 2)
    monkeypatch.setattr(store_module, "MOST_ALERTS", 3)
    monkeypatch.setattr(store_module, "MOST_CHANGES", 3)
    alert = await stage.add()
    await stage.add()
    with pytest.raises(Conflict, match="You have 2 alerts"):
        await stage.add()
    await stage.add(by=BOB)
    with pytest.raises(Conflict, match="There are 3 alerts"):
        await stage.add(by=BOB)
    for number in range(1, 4):
        await stage.ingest(number)
        await stage.check(0)
        await stage.check(600)
    assert await stage.states(alert) == ["ok", "firing", "ok"]
    first = await stage.store.history(alert, 2, None)
    rest = await stage.store.history(alert, 2, first.next)
    assert ([*map(len, (first.changes, rest.changes))], rest.next) == ([2, 1], None)


async def test_what_takes_too_long_leaves_the_others_their_turn(tmp_path: Path) -> None:
    """Without any time there is one question a round; each gets its turn."""
    async with staged_alerts(tmp_path, interval=0.0) as stage:
        alerts = [await stage.add(q=f"user:{number}") for number in range(3)]
        for done in range(1, 4):
            await stage.check(0)
            checked = [(await stage.store.get(alert)).checked_at is not None for alert in alerts]
            assert sum(checked) == done


async def test_alerts_that_ask_the_same_are_one_question(stage: Stage) -> None:
    for threshold in (0.0, 1.0):
        for measure in Measure:
            await stage.add(measure=measure, threshold=threshold)
    await stage.add(interval=AlertInterval.DAY)
    await stage.check(0)
    assert stage.bus.statistics.snapshot()["GetStats"].asked == 2


async def test_what_cannot_be_checked_stays_as_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    alert, other = await stage.add(q="status:ok"), await stage.add()
    await stage.ingest(1)
    asked = rounds_module.Rounds._measured

    async def refuse(self: Any, question: Any, now: int) -> Any:
        if question.q:
            raise TooLarge("too many spans are meant")
        return await asked(self, question, now)

    monkeypatch.setattr(rounds_module.Rounds, "_measured", refuse)
    await stage.check(0)
    assert await stage.state(alert) == (AlertState.NO_DATA, None)
    assert await stage.state(other) == (AlertState.FIRING, 1.0)
    assert stage.rounds.failed == 1

"""Any engine: sums are those of a plain evaluation, by groups, over time, of what a filter is true of."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pyarrow as pa
import pytest
import pytest_asyncio

from actors.errors import InvalidRequest, NeedsRoom
from actors.span_store.asked.buckets import Interval
from actors.span_store.asked.stats import GetStats, Group, Measures, Others, Subject
from actors.span_store.columns.rows import ROWS
from actors.span_store.columns.spans import InstrumentationScope, Resource, Span
from actors.span_store.query.expression import Attribute, Equals, Or, equal
from actors.span_store.storage import Scope, SpanStorage, TraceColumns
from actors.span_store.traces.summary import Tokens
from tests.actors.span_store.conformance.conftest import Engine
from tests.actors.span_store.conformance.plain_stats import stats_of
from tests.actors.span_store.conformance.steps import trace_id, write
from tests.spans import START, span

pytestmark = pytest.mark.integration

MINUTE = 60 * 10**9
NOW = START + 600 * MINUTE


def call(number: int, **others: Any) -> Span:
    said = {"gen_ai.operation.name": "chat", **others.pop("attributes", {})}
    return span(number, attributes=said, **others)


def asked(**what: Any) -> GetStats:
    return GetStats(**{"now": NOW, **what})


def of_model(name: str, sent: int, answered: int) -> dict[str, Any]:
    return {
        "gen_ai.request.model": name,
        "gen_ai.usage.input_tokens": sent,
        "gen_ai.usage.output_tokens": answered,
    }


async def test_calls_are_summed_up_by_model(storage: SpanStorage) -> None:
    await write(
        storage,
        call(1, attributes=of_model("a", 5, 1), end_time_unix_nano=START + 1_000_000_000),
        call(2, trace_id=2, attributes=of_model("a", 7, 2), status_code=2, end_time_unix_nano=START + 2_000_000_000),
        call(3, trace_id=3, attributes=of_model("b", 1, 1)),
        call(4, trace_id=4, end_time_unix_nano=0),
        span(5, trace_id=5, attributes={"gen_ai.usage.input_tokens": 100}),
    )
    found = await storage.stats(asked(group_by=("model",)))
    assert [group.key for group in found.groups] == [("a",), ("b",), (None,)]
    first, _, last = [group.total for group in found.groups]
    assert (first.count, first.errors, first.unpriced, first.cost_usd) == (2, 1, 2, None)
    sums = Tokens(input=12, output=3, cache_read=None, cache_write=None, reasoning=None)
    assert (first.tokens, first.durations) == (sums, (1_000_000_000, *[2_000_000_000] * 3))
    assert (first.tokens_per_second, first.first_tokens) == (1.0, None)
    assert (last.count, last.tokens, last.durations, last.tokens_per_second) == (1, None, None, None)
    assert (found.from_unix_nano, found.to_unix_nano, found.edges, found.others) == (START, NOW, (), None)


async def test_nothing_is_one_group_of_nothing(storage: SpanStorage) -> None:
    for of in Subject:
        found = await storage.stats(asked(of=of, interval=Interval.HOUR))
        assert [(group.key, group.total, group.points) for group in found.groups] == [((), Measures(), {})]
        assert (found.from_unix_nano, found.to_unix_nano, found.edges) == (None, NOW, ())
        assert (await storage.stats(asked(of=of, group_by=("model",)))).groups == ()


async def test_a_trace_is_said_to_be_what_its_root_is(storage: SpanStorage) -> None:
    await write(
        storage,
        call(1, service="inner", parent=9, start=START - 5, attributes={"gen_ai.request.model": "b"}),
        span(2, service="outer", end_time_unix_nano=START + 2000, status_code=2),
        call(3, service="inner", parent=2, start=START + 10, attributes={"gen_ai.request.model": "a"}),
        span(4, service="other", trace_id=2, parent=9),
        span(5, trace_id=3, service="far", start=START + MINUTE),
    )
    request = asked(of=Subject.TRACES, group_by=("service", "model"))
    found = await storage.stats(request)
    assert {group.key: group.total.count for group in found.groups} == {
        ("outer", "b"): 1,
        ("other", None): 1,
        ("far", None): 1,
    }
    [of_outer] = [group.total for group in found.groups if group.key == ("outer", "b")]
    assert (of_outer.errors, of_outer.unpriced, of_outer.durations) == (1, 2, (2005,) * 4)
    by_span = await storage.stats(attrs.evolve(request, where=equal(service_name="inner")))
    assert [group.key for group in by_span.groups] == [("outer", "b")]
    some = await storage.stats(attrs.evolve(request, since=START - 5, until=START))
    assert [group.key for group in some.groups] == [("outer", "b")]
    assert (await storage.stats(attrs.evolve(request, since=START - 4, until=START))).groups == ()


async def test_groups_behind_the_limit_are_put_together(storage: SpanStorage) -> None:
    for number in range(1, 8):
        model = "abbccde"[number - 1]
        await write(storage, call(number, trace_id=number, attributes=of_model(model, number, 1)))
    found = await storage.stats(asked(group_by=("model",), limit=2))
    assert [(group.key, group.total.count) for group in found.groups] == [(("b",), 2), (("c",), 2)]
    assert found.others is not None
    assert (found.others.groups, found.others.total.count) == (3, 3)


async def test_buckets_count_what_starts_in_them(storage: SpanStorage) -> None:
    for number, minute in enumerate((0, 0, 3, 59), 1):
        await write(storage, call(number, trace_id=number, start=START + minute * MINUTE))
    found = await storage.stats(
        asked(interval=Interval.MINUTE, since=START, until=START + 60 * MINUTE, group_by=("type",))
    )
    [group] = found.groups
    assert group.key == ("llm",)
    assert {number: point.count for number, point in group.points.items()} == {0: 2, 3: 1, 59: 1}
    assert (len(found.edges), found.edges[1] - START) == (62, 40 * 10**9)  # the first minute is cut


async def test_too_many_buckets_are_refused(storage: SpanStorage) -> None:
    await write(storage, call(1))
    request = asked(interval=Interval.MINUTE, since=START, until=START + 2001 * MINUTE)
    with pytest.raises(InvalidRequest) as fault:
        await storage.stats(request)
    assert [problem.type for problem in fault.value.problems] == ["too_many_buckets"]
    with pytest.raises(InvalidRequest):
        await storage.stats(asked(interval=Interval.MINUTE, now=2**64 - 1))


async def test_what_takes_more_than_there_is_room_for_says_so(storage: SpanStorage) -> None:
    await write(storage, call(1))
    with pytest.raises(NeedsRoom):
        await storage.stats(asked(interval=Interval.MINUTE, since=START, until=START + 1000 * MINUTE, room=1000))


async def test_what_is_deleted_is_not_counted(storage: SpanStorage) -> None:
    await write(storage, call(1), call(2, trace_id=2))
    await storage.delete(Scope("trace_id", trace_id(1)))
    assert [group.total.count for group in (await storage.stats(asked())).groups] == [1]
    await write(storage, call(1))
    assert [group.total.count for group in (await storage.stats(asked())).groups] == [2]


SCORES = pa.table(
    {
        "trace_id": [trace_id(number) for number in (1, 2, 3, 5, 99)],
        "count": pa.array([1, 3, 2, 1, 1], pa.int64()),
        "total": [0.5, 2.25, -1.0, 0.0, 7.0],
    }
)
QUESTIONS: dict[str, dict[str, Any]] = {
    "by model and hour": {"group_by": ("model",), "interval": Interval.HOUR},
    "by three fields": {"group_by": ("service", "kind", "status")},
    "of spans over time": {"of": Subject.SPANS, "interval": Interval.AUTO, "group_by": ("session",)},
    "of traces over time": {"of": Subject.TRACES, "interval": Interval.FIVE_MINUTES, "group_by": ("user_id",)},
    "of traces by model": {"of": Subject.TRACES, "group_by": ("model", "environment"), "limit": 3},
    "of a service": {"where": equal(service_name="shop"), "group_by": ("model",), "interval": Interval.QUARTER},
    "of an attribute": {"where": Equals(Attribute("plan"), "pro"), "group_by": ("model",)},
    "of either": {"where": Or([Equals(Attribute("plan"), "pro"), equal(service_name="shop")]), "of": Subject.SPANS},
    "of traces with an attribute": {"where": Equals(Attribute("plan"), "free"), "of": Subject.TRACES},
    "of some minutes": {"since": START + 7 * MINUTE, "until": START + 200 * MINUTE, "interval": Interval.HOUR},
    "few groups": {"of": Subject.SPANS, "group_by": ("name",), "limit": 2, "interval": Interval.DAY},
    "by an attribute": {"group_by": ("attr.plan", "model"), "interval": Interval.HOUR},
    "of spans by what they say": {"of": Subject.SPANS, "group_by": ("attr.gen_ai.usage.input_tokens", "resource.zone")},
    "of traces by an attribute": {
        "of": Subject.TRACES,
        "group_by": ("attr.user.id",),
        "where": equal(service_name="shop"),
    },
    "with scores": {"group_by": ("model",), "interval": Interval.HOUR, "scores": SCORES},
    "with scores of few groups": {"group_by": ("name",), "limit": 2, "of": Subject.SPANS, "scores": SCORES},
    "with scores of traces": {"of": Subject.TRACES, "interval": Interval.HOUR, "scores": SCORES},
    "in a zone": {"interval": Interval.QUARTER_DAY, "zone": ZoneInfo("Asia/Kathmandu"), "of": Subject.SPANS},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[SpanStorage, pa.Table]]:
    """A storage to read, and all that is in it."""
    storage = await engine.open(tmp_path_factory.mktemp("stats"))
    draw = random.Random(7)
    rows = []
    for _ in range(4):
        spans = [made(draw, number) for number in draw.sample(range(1, 400), 40)]
        await write(storage, *spans)
    for number in range(1, 13):
        wanted = TraceColumns(trace_id=trace_id(number), columns=tuple(ROWS.names))
        rows.append(await storage.columns(wanted))
    yield storage, pa.concat_tables(rows)
    await storage.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
async def test_sums_are_those_of_a_plain_evaluation(
    filled: tuple[SpanStorage, pa.Table], question: dict[str, Any]
) -> None:
    storage, rows = filled
    request = asked(**question)
    expected = stats_of(rows, request)
    found = await storage.stats(request)
    assert attrs.evolve(found, groups=(), others=None) == attrs.evolve(expected, groups=(), others=None)
    assert [group.total.count for group in found.groups] == [group.total.count for group in expected.groups]
    assert_same(found.groups, expected.groups)
    assert_same(*([each] if each else [] for each in (found.others, expected.others)))


def made(draw: random.Random, number: int) -> Span:
    """A span that says any of what can be asked for; of a trace, several may describe one call."""
    attributes: dict[str, Any] = {"plan": draw.choice(["pro", "free"])}
    if draw.random() < 0.6:
        attributes |= of_model(draw.choice("abc"), draw.randrange(1000), draw.randrange(1000))
        attributes |= {"gen_ai.operation.name": "chat"}
        attributes |= draw.choice([{}, {"gen_ai.response.id": draw.choice("ab")}, {"gen_ai.input.messages": "[]"}])
    if draw.random() < 0.5:
        attributes |= {"session.id": draw.choice("xyz"), "user.id": draw.choice("uv"), "llm.cost.total": draw.random()}
    if draw.random() < 0.3:
        attributes |= {"gen_ai.response.time_to_first_chunk": draw.random()}
    start = START + draw.randrange(300 * MINUTE)
    return span(
        number,
        trace_id=number % 12 + 1,
        parent=draw.choice([None, (number + 12 * draw.randrange(33)) % 396]),
        scope=InstrumentationScope(draw.choice(["sdk", "library"])),
        resource=Resource({"service.name": draw.choice(["shop", "desk"]), "zone": draw.choice([1, True, "a", [2]])}),
        start=start,
        name=draw.choice("abcdef"),
        kind=draw.randrange(8),
        status_code=draw.randrange(4),
        end_time_unix_nano=draw.choice([0, start - 5, start + draw.randrange(10**6), start + draw.randrange(10**12)]),
        attributes=attributes,
    )


def assert_same(found: Sequence[Group | Others], expected: Sequence[Group | Others]) -> None:
    """Quantiles are within 2 %, costs but for the last bits."""
    assert [attrs.evolve(each, total=Measures(), points={}) for each in found] == [
        attrs.evolve(each, total=Measures(), points={}) for each in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.points.keys() == other.points.keys()
        compare(one.total, other.total)
        for place, measures in one.points.items():
            compare(measures, other.points[place])


def compare(found: Measures, expected: Measures) -> None:
    assert exact(found) == exact(expected)
    for name, tolerance in (
        ("cost_usd", 1e-12),
        ("durations", 0.02),
        ("first_tokens", 0.02),
        ("tokens_per_second", 0.02),
    ):
        one, other = getattr(found, name), getattr(expected, name)
        assert one == (other and pytest.approx(other, rel=tolerance)), name


def exact(measures: Measures) -> Measures:
    return attrs.evolve(measures, durations=None, first_tokens=None, tokens_per_second=None, cost_usd=None)

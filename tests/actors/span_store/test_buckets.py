"""Buckets of time around midnight and around the change of clocks, in zones that change them in different ways."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from actors.errors import InvalidRequest
from actors.span_store.asked.buckets import MOST_BUCKETS, Interval, edges_between, runs_of

pytestmark = pytest.mark.unit

SECOND = 10**9
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
LENGTHS = {
    Interval.MINUTE: 60,
    Interval.FIVE_MINUTES: 300,
    Interval.QUARTER: 900,
    Interval.HOUR: 3600,
    Interval.QUARTER_DAY: 21_600,
    Interval.DAY: 86_400,
}
BERLIN, NEW_YORK, LORD_HOWE, SAO_PAULO, KATHMANDU, HAVANA = map(
    ZoneInfo,
    (
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "America/Havana",
    ),
)
ZONES = (ZoneInfo("UTC"), BERLIN, NEW_YORK, LORD_HOWE, SAO_PAULO, KATHMANDU, HAVANA, ZoneInfo("Pacific/Apia"))


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND


def hours(edges: tuple[int, ...]) -> list[float]:
    return [(end - begin) / HOUR for begin, end in pairwise(edges)]


def clock(edge: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(edge // SECOND, zone):%d. %H:%M}"


@pytest.mark.parametrize(
    ("zone", "first", "end", "expected"),
    [
        (BERLIN, "2026-03-28T00:00+01:00", "2026-03-31T00:00+02:00", [24, 23, 24]),
        (BERLIN, "2026-10-24T00:00+02:00", "2026-10-27T00:00+01:00", [24, 25, 24]),
        (NEW_YORK, "2026-03-07T12:00-05:00", "2026-03-09T12:00-04:00", [24, 23, 24]),
        (NEW_YORK, "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", [25]),
        (LORD_HOWE, "2026-04-04T00:00+11:00", "2026-04-07T00:00+10:30", [24, 24.5, 24]),
        (LORD_HOWE, "2026-10-03T00:00+10:30", "2026-10-06T00:00+11:00", [24, 23.5, 24]),
        # There is no midnight on the day that the clocks are put forward, and two when they are put back.
        (SAO_PAULO, "2018-11-03T00:00-03:00", "2018-11-06T00:00-02:00", [24, 23, 24]),
        (SAO_PAULO, "2018-02-17T00:00-02:00", "2018-02-19T00:00-03:00", [25, 24]),
        (HAVANA, "2026-11-01T00:00-04:00", "2026-11-03T00:00-05:00", [25, 24]),
        (KATHMANDU, "2026-11-01T00:00+05:45", "2026-11-03T00:00+05:45", [24, 24]),
    ],
)
def test_a_day_is_from_midnight_to_midnight(zone: ZoneInfo, first: str, end: str, expected: list[float]) -> None:
    edges = edges_between(at(first), at(end), Interval.DAY, zone)
    assert hours(edges) == expected
    assert edges == edges_between(at(first) + 1, at(end) - 1, Interval.DAY, zone)
    assert edges_between(edges[0] - 1, edges[0] + 1, Interval.DAY, zone)[1] == edges[0]


def test_a_quarter_of_the_day_is_as_the_clocks_say() -> None:
    edges = edges_between(at("2026-03-29T00:00+01:00"), at("2026-03-30T00:00+02:00"), Interval.QUARTER_DAY, BERLIN)
    assert [clock(edge, BERLIN)[4:] for edge in edges] == ["00:00", "06:00", "12:00", "18:00", "00:00"]
    assert hours(edges) == [5, 6, 6, 6]


def test_an_hour_that_is_repeated_is_two_and_one_that_is_left_out_is_none() -> None:
    edges = edges_between(at("2026-10-25T01:00+02:00"), at("2026-10-25T04:00+01:00"), Interval.HOUR, BERLIN)
    assert [clock(edge, BERLIN)[4:] for edge in edges] == ["01:00", "02:00", "02:00", "03:00", "04:00"]
    assert hours(edges) == [1, 1, 1, 1]
    edges = edges_between(at("2026-03-29T01:00+01:00"), at("2026-03-29T04:00+02:00"), Interval.HOUR, BERLIN)
    assert [clock(edge, BERLIN)[4:] for edge in edges] == ["01:00", "03:00", "04:00"]


def test_half_an_hour_is_put_forward_and_back() -> None:
    edges = edges_between(at("2026-10-04T01:00+10:30"), at("2026-10-04T04:00+11:00"), Interval.HOUR, LORD_HOWE)
    assert hours(edges) == [1, 0.5, 1]
    edges = edges_between(at("2026-04-05T01:00+11:00"), at("2026-04-05T03:00+10:30"), Interval.HOUR, LORD_HOWE)
    assert hours(edges) == [1.5, 1]


def test_a_bucket_may_begin_before_1970() -> None:
    edges = edges_between(5, 10, Interval.DAY, KATHMANDU)
    assert edges[0] < 0 < edges[1]


def test_there_is_an_end_to_buckets() -> None:
    edges = edges_between(0, MOST_BUCKETS * HOUR, Interval.HOUR, ZONES[0])
    assert len(edges) == MOST_BUCKETS + 1
    for end in (MOST_BUCKETS * HOUR + 1, 2**64 - 1):
        with pytest.raises(InvalidRequest):
            edges_between(0, end, Interval.HOUR, ZONES[0])


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, Interval.MINUTE),
        (200 * 60 * SECOND, Interval.MINUTE),
        (200 * 60 * SECOND + 1, Interval.FIVE_MINUTES),
        (DAY, Interval.QUARTER),
        (7 * DAY, Interval.HOUR),
        (30 * DAY, Interval.QUARTER_DAY),
        (400 * DAY, Interval.DAY),
    ],
)
def test_auto_has_two_hundred_buckets_at_most(span: int, expected: Interval) -> None:
    assert Interval.AUTO.fitting(span) is expected
    assert Interval.DAY.fitting(span) is Interval.DAY


@given(
    zone=st.sampled_from(ZONES),
    interval=st.sampled_from(list(LENGTHS)),
    first=st.datetimes(datetime(1995, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - see timezones
    count=st.floats(0, 300),
)
def test_buckets_have_all_of_the_time_and_begin_where_the_clocks_say(
    zone: ZoneInfo, interval: Interval, first: datetime, count: float
) -> None:
    begin = round(first.timestamp() * 1000) * 10**6
    end = begin + 1 + round(count * LENGTHS[interval] * SECOND)
    edges = edges_between(begin, end, interval, zone)
    assert edges[0] <= begin < edges[1]
    assert edges[-2] < end <= edges[-1]
    assert sorted(set(edges)) == list(edges)
    for edge in edges:
        local = datetime.fromtimestamp(edge // SECOND, zone)
        midnight = local.replace(hour=0, minute=0, second=0, fold=0, tzinfo=None)
        is_on_grid = (local.replace(tzinfo=None) - midnight) % timedelta(seconds=LENGTHS[interval]) == timedelta()
        before = datetime.fromtimestamp(edge // SECOND - 1, zone)
        assert is_on_grid or before.utcoffset() != local.utcoffset()
    runs = runs_of(edges)
    ends = [*(run.first for run in runs[1:]), len(edges) - 1]
    again = [run.begin + k * run.width for run, last in zip(runs, ends, strict=True) for k in range(last - run.first)]
    assert again == list(edges[:-1])

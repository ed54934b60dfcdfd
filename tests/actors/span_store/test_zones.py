"""Zone maps rule out row groups that have none of what is asked for, and never one that has."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from actors.runtime.bus import Bus
from actors.span_store.columns.rows import ROWS, numbered, rows_of
from actors.span_store.columns.spans import Span, span_columns
from actors.span_store.columns.types import Untold
from actors.span_store.embedded.sealed.row_groups import ZoneMaps
from actors.span_store.messages import Cursor, ExportSpans, SearchSpans, SearchText
from actors.span_store.query.expression import (
    And,
    Arrival,
    Attribute,
    Between,
    Contains,
    Equals,
    Expression,
    IsNull,
    Not,
    OneOf,
    Or,
    Promoted,
    normal_form,
)
from actors.span_store.query.text.searched_columns import SEARCHED
from actors.span_store.query.zones import Bound, Zone, may_have
from tests.actors.span_store.naive_query import expressions, is_true, known, span_lists
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
from tests.spans import START, span

pytestmark = pytest.mark.integration

_GROUP = 3  # rows
_NUMBERS = (0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1)
_TEXTS = ("", "a", "é", "éé", "東京", "東京都", "🙂", "\U0010ffff", "\U0010ffff" * 3, "z" * 40, "z" * 5000, "\x7f")
_texts = st.sampled_from(_TEXTS)
_of_numbers = st.sampled_from([Promoted("start_time_unix_nano"), Promoted("end_time_unix_nano"), Arrival()])
_durations = st.just(Promoted("duration_nano"))
_of_texts = st.sampled_from([Promoted("name"), Promoted("status_message"), Promoted("model"), Promoted("service_name")])
_numbers = st.sampled_from(_NUMBERS)
_extreme: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Equals, st.one_of(_of_numbers, _durations), _numbers),
    st.builds(Equals, _of_texts, _texts),
    st.builds(OneOf, _of_texts, st.lists(_texts, max_size=2)),
    st.builds(Between, st.one_of(_of_numbers, _durations), low=_numbers, low_included=st.booleans()),
    st.builds(Between, st.one_of(_of_numbers, _durations), high=_numbers, high_included=st.booleans()),
    st.builds(Between, _of_texts, low=_texts, high=_texts, low_included=st.booleans(), high_included=st.booleans()),
    st.builds(IsNull, _of_texts),
    st.builds(Contains, _of_texts, _texts),
)
_any_expression = st.recursive(
    st.one_of(_extreme, expressions),
    lambda members: st.one_of(
        st.builds(And, st.lists(members, max_size=3)),
        st.builds(Or, st.lists(members, max_size=3)),
        st.builds(Not, members),
    ),
    max_leaves=4,
)


@st.composite
def extreme_spans(draw: st.DrawFn) -> list[Span]:
    """Times beyond a signed number, and texts that statistics have cut short or not at all."""

    def changed(each: Span) -> Span:
        if draw(st.booleans()):
            return each
        model: dict[str, Any] = draw(st.sampled_from([{}, {"gen_ai.request.model": draw(_texts)}]))
        return each._replace(
            start_time_unix_nano=draw(_numbers),
            end_time_unix_nano=draw(_numbers),
            name=draw(_texts),
            status_message=draw(_texts),
            attributes={**each.attributes, **model},
        )

    return [changed(each) for each in draw(span_lists())]


def written(rows: pa.RecordBatch) -> pq.FileMetaData:
    """The footer of a file with statistics of all columns, in small row groups."""
    file = BytesIO()
    pq.write_table(pa.Table.from_batches([rows]), file, row_group_size=_GROUP, write_statistics=True)
    return pq.read_metadata(file)


def cut(zones: Callable[[str], Zone | None], length: int) -> Callable[[str], Zone | None]:
    """Bounds of texts cut to so many bytes, the upper one rounded up, as other writers of Parquet do."""

    def of(column: str) -> Zone | None:
        zone = zones(column)
        if zone is None or not isinstance(zone.low, bytes) or not isinstance(zone.high, bytes):
            return zone
        return Zone(zone.rows, zone.low[:length], _rounded_up(zone.high, length), zone.nulls)

    return of


def _rounded_up(high: bytes, length: int) -> Bound | None:
    if len(high) <= length:
        return high
    kept = high[:length].rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def without_nulls(zones: Callable[[str], Zone | None]) -> Callable[[str], Zone | None]:
    """What a writer says that does not count them."""

    def of(column: str) -> Zone | None:
        zone = zones(column)
        return zone and Zone(zone.rows, zone.low, zone.high)

    return of


@given(spans=extreme_spans(), expression=_any_expression, length=st.integers(1, 8))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
def test_no_group_is_ruled_out_that_has_a_row(spans: list[Span], expression: Expression, length: int) -> None:
    maps = ZoneMaps(written(numbered(rows_of(span_columns(spans)), 0)), ROWS.names)
    right = [is_true(expression, each) for each in known(spans)]
    wanted = normal_form(expression)
    for group, begin in enumerate(range(0, len(spans), _GROUP)):
        if any(right[begin : begin + _GROUP]):
            zones = maps.zones(group)
            assert maps.may_have(wanted, group)
            assert may_have(wanted, cut(zones, length))
            assert may_have(wanted, without_nulls(zones))
            assert may_have(wanted, lambda _: None)


LOW, HIGH = 2**63 + 1, 2**63 + 5


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Equals(Promoted("start_time_unix_nano"), LOW), True),
        (Equals(Promoted("start_time_unix_nano"), float(2**63)), False),
        (Equals(Promoted("start_time_unix_nano"), LOW - 2**64), False),
        (Equals(Promoted("start_time_unix_nano"), "1"), False),
        (OneOf(Promoted("start_time_unix_nano"), [1, HIGH]), True),
        (OneOf(Promoted("start_time_unix_nano"), []), False),
        (Between(Promoted("start_time_unix_nano"), high=LOW), False),
        (Between(Promoted("start_time_unix_nano"), high=LOW, high_included=True), True),
        (Between(Promoted("start_time_unix_nano"), low=HIGH), True),
        (Between(Promoted("start_time_unix_nano"), low=HIGH, low_included=False), False),
        (Between(Promoted("start_time_unix_nano"), low=-1, high=2**70), True),
        (Equals(Promoted("duration_nano"), 1004), True),
        (Equals(Promoted("duration_nano"), 1005), False),
        (Between(Promoted("duration_nano"), high=996), False),
        (IsNull(Promoted("duration_nano")), False),
        (Between(Arrival(), high=0), False),
        (Between(Arrival(), low=4), True),
        (Between(Arrival(), low=5), False),
        (Equals(Promoted("name"), "é 3"), True),
        (Equals(Promoted("name"), "é 3 "), True),  # between two that are there
        (Equals(Promoted("name"), "f"), False),
        (Between(Promoted("name"), low="東"), False),
        (Contains(Promoted("name"), "nowhere"), True),  # of which the bounds say nothing
        (Equals(Promoted("model"), "gpt"), False),  # all are null
        (Contains(Promoted("model"), ""), False),
        (IsNull(Promoted("model")), True),
        (Not(IsNull(Promoted("model"))), False),
        (IsNull(Promoted("name")), False),
        (Not(IsNull(Promoted("name"))), True),
        (Not(Equals(Promoted("model"), "gpt")), True),
        (Equals(Attribute("key"), "text"), True),
        (And([Equals(Promoted("name"), "é 3"), Between(Arrival(), low=5)]), False),
        (Or([Equals(Promoted("name"), "f"), Between(Arrival(), low=4)]), True),
        (Or(), False),
        (And(), True),
    ],
)
def test_what_bounds_say(expression: Expression, expected: bool) -> None:
    spans = [
        span(number, start=LOW + number, name=f"é {number}", end_time_unix_nano=LOW + number + 1000)
        for number in range(5)
    ]
    file = BytesIO()
    pq.write_table(pa.Table.from_batches([numbered(rows_of(span_columns(spans)), 0)]), file)
    maps = ZoneMaps(pq.read_metadata(file), ROWS.names)
    assert maps.may_have(normal_form(expression), 0) is expected


def test_columns_that_are_derived_anew_have_no_zones() -> None:
    """Those of an earlier version may say something else than what is read."""
    spans = [span(number, attributes={"gen_ai.request.model": "gpt"}) for number in range(3)]
    maps = ZoneMaps(written(numbered(rows_of(span_columns(spans)), 0)))
    assert maps.may_have(normal_form(Equals(Promoted("model"), "another")), 0)
    assert not maps.may_have(normal_form(Equals(Promoted("start_time_unix_nano"), START - 1)), 0)


SPANS = 3000  # in six row groups, in the order of their start


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Row groups that were read, whole or some columns, but not for n-grams, which a thread of its own makes."""
    groups: list[int] = []
    read_one, read_several = pq.ParquetFile.read_row_group, pq.ParquetFile.read_row_groups

    def one(self: pq.ParquetFile, i: int, **named: Any) -> pa.Table:
        if named.get("columns") != list(SEARCHED):
            groups.append(i)
        return read_one(self, i, **named)

    def several(self: pq.ParquetFile, row_groups: list[int], **named: Any) -> pa.Table:
        groups.extend(row_groups)
        return read_several(self, row_groups, **named)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", one)
    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", several)
    return groups


async def fill(bus: Bus) -> None:
    made = [
        span(
            number,
            parent=10**6,
            start=START + number,
            attributes={"t": f"needle {number}"},
            status_message="no" if number == SPANS // 2 else "",
        )
        for number in range(1, SPANS + 1)
    ]
    await ingest(bus, *made)
    await state_when(bus, all_sealed)


async def exported(bus: Bus, request: ExportSpans) -> list[int]:
    async with bus.stream(request) as parts:
        return [start - START async for part in parts for start in starts(part)]


def starts(rows: pa.Table) -> list[int]:
    column: Untold = rows["start_time_unix_nano"]
    found: list[int] = column.to_pylist()
    return found


async def test_an_export_of_some_time_reads_the_row_groups_of_that_time(tmp_path: Path, read: list[int]) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await fill(bus)
        assert await exported(bus, ExportSpans()) == list(range(1, SPANS + 1))
        assert sorted(set(read)) == list(range(6))
        read.clear()
        some = ExportSpans(from_time_unix_nano=START + 600, to_time_unix_nano=START + 1000)
        assert await exported(bus, some) == list(range(600, 1000))
        assert read == [1]
        read.clear()
        assert await exported(bus, ExportSpans(from_time_unix_nano=START + SPANS + 1)) == []
        assert read == []


async def test_a_text_search_in_some_time_reads_the_row_groups_of_that_time(tmp_path: Path, read: list[int]) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await fill(bus)
        read.clear()
        some = SearchText(text="needle", from_time_unix_nano=START + 1100, to_time_unix_nano=START + 1102)
        page = await bus.ask(some)
        assert sorted(each.start_time_unix_nano - START for each in page.spans) == [1100, 1101]
        assert set(read) == {2}


async def test_a_search_reads_the_row_groups_that_may_have_the_value(tmp_path: Path, read: list[int]) -> None:
    """The index has no messages of spans, and n-grams say nothing of a text of two bytes."""
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        await fill(bus)
        read.clear()
        places: list[int] = []
        after: Cursor | None = None
        while True:  # in several pages where the disk is slow
            page = await bus.ask(SearchSpans(where=Equals(Promoted("status_message"), "no"), after=after))
            places += [each.start_time_unix_nano - START for each in page.spans]
            after = page.next
            if after is None:
                break
        assert places == [SPANS // 2]
        assert set(read) == {2}


async def test_an_export_of_a_service_reads_the_row_groups_of_its_roots(tmp_path: Path, read: list[int]) -> None:
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        made = [span(number, trace_id=number, start=START + number, service="ab"[number % 2]) for number in range(1200)]
        await ingest(bus, *made)
        await state_when(bus, all_sealed)
        read.clear()
        assert sorted(await exported(bus, ExportSpans(service_name="b"))) == list(range(1, 1200, 2))
        assert read == [2, 3, 4]  # of five; the first of them has roots of both
